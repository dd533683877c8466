"""From an address to where events go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compoundeye.events._address import Address, read_address, spool_file, spool_folder
from compoundeye.events._engine import POSTGRESQL, open_engine, shown
from compoundeye.events._json_lines import JSON_LINES, JsonLines
from compoundeye.events._mqtt import OPTIONS as MQTT_OPTIONS
from compoundeye.events._mqtt import MqttDelivery
from compoundeye.events._sink import EventSink, Several
from compoundeye.events._spool import Spool
from compoundeye.events._spooled import Delivery, Spooled
from compoundeye.events._store import EventStore
from compoundeye.events._store_delivery import StoreDelivery
from compoundeye.events._webhook import OPTIONS as WEBHOOK_OPTIONS
from compoundeye.events._webhook import WebhookDelivery
from compoundeye.records import EyeError

KINDS = "a path, sqlite:///PATH, postgresql://, mqtt://, mqtts://, http://, https://, a path of a .jsonl file, or -"


def open_sink(address: str, *, spool: Path | None = None) -> EventSink:
    """Where events go.

    Args:
        address: a path or ``sqlite:///PATH`` of an event store; ``postgresql://USER@HOST/NAME``; a path that ends in
            ``.jsonl``; ``-`` for JSON Lines on standard output; ``mqtt[s]://USER@BROKER/TOPIC#OPTIONS``;
            ``http[s]://HOST/PATH#OPTIONS``.
        spool: the folder in which messages wait for what is reached over a network;
            ``$COMPOUNDEYE_HOME/spool`` if not given.

    Raises:
        EyeError: the address cannot be read, or a file cannot be made. A server that is not there is no error: its
            messages wait, and `EventSink.status` says why.
    """
    scheme, marked, _ = address.partition("://")
    if address == "-" or (not marked and address.endswith(JSON_LINES)):
        return JsonLines(address)
    if not marked or scheme == "sqlite":
        return EventStore(address)
    folder = spool or spool_folder()
    if scheme in POSTGRESQL:
        open_engine(address, create=True).dispose()  # the mistakes of an address are told at once
        place = shown(address)
        return Spooled(place, Spool(folder / spool_file(place)), StoreDelivery(address))
    if scheme in ("mqtt", "mqtts"):
        return _spooled(read_address(address, MQTT_OPTIONS), folder)
    if scheme in ("http", "https"):
        return _spooled(read_address(address, WEBHOOK_OPTIONS), folder)
    raise EyeError(f"events cannot go to {scheme}://: give {KINDS}")


def _spooled(address: Address, folder: Path) -> Spooled:
    """What waits in a spool of its own."""
    spool = Spool(folder / spool_file(address.shown))
    try:
        mqtt = address.scheme.startswith("mqtt")
        delivery: Delivery = MqttDelivery(address, spool.client) if mqtt else WebhookDelivery(address)
    except BaseException:
        spool.close()
        raise
    return Spooled(address.shown, spool, delivery)


def open_sinks(addresses: Sequence[str], *, spool: Path | None = None) -> EventSink:
    """All of them as one, which closes all of them.

    Raises:
        EyeError: one of them cannot be opened; those before it are closed again.
    """
    opened = list[EventSink]()
    try:
        opened.extend(open_sink(address, spool=spool) for address in addresses)
    except BaseException:
        Several(opened).close()
        raise
    return opened[0] if len(opened) == 1 else Several(opened)
