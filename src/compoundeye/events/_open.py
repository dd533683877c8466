"""From an address to where events go."""

from __future__ import annotations

from collections.abc import Sequence

from compoundeye.events._json_lines import JsonLines
from compoundeye.events._sink import EventSink, Several
from compoundeye.events._store import EventStore

JSON_LINES = (".jsonl", ".ndjson")


def open_sink(address: str) -> EventSink:
    """Where events go.

    Args:
        address: a path or ``sqlite:///PATH`` of an event store; ``postgresql://...``; a path that ends in ``.jsonl``;
            ``-`` for standard output.

    Raises:
        EyeError: the address cannot be read, or a file cannot be made.
    """
    if address == "-" or ("://" not in address and address.endswith(JSON_LINES)):
        return JsonLines(address)
    return EventStore(address)


def open_sinks(addresses: Sequence[str]) -> EventSink:
    """All of them as one, which closes all of them.

    Raises:
        EyeError: one of them cannot be opened; those before it are closed again.
    """
    opened = list[EventSink]()
    try:
        opened.extend(open_sink(address) for address in addresses)
    except BaseException:
        Several(opened).close()
        raise
    return opened[0] if len(opened) == 1 else Several(opened)
