"""Events to an MQTT broker (MQTT 3.1.1, OASIS 2014): QoS 1, availability with a will, what lasts as retained state.

Topics, below the path of the address (``compoundeye`` if it has none):

- ``events/STREAM/APP/KIND``: each message, as JSON.
- ``availability``: ``online`` or ``offline``, retained; the broker itself says ``offline`` when a process dies.
- ``open/STREAM/APP/KIND/ID`` with ``#retain=open``: the latest message about what lasts still, retained; emptied at
  its end. Who subscribes late sees what goes on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Condition
from typing import Any
from urllib.parse import unquote

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from compoundeye.events._address import Address
from compoundeye.events._spool import Waiting
from compoundeye.events._spooled import Unreachable
from compoundeye.events._tls import TLS_OPTIONS, refusal, tls_context
from compoundeye.events._wire import decode
from compoundeye.records import Event, EyeError

OPTIONS = {
    "password_file": "its first line is the password",
    "retain": "open: keep the state of what lasts on the broker",
} | TLS_OPTIONS
KEEP_ALIVE_S = 20
"""The broker says ``offline`` after one and a half times this without a sign of life (MQTT 3.1.1, 3.1.2.10)."""
PATIENCE_S = 10.0
"""For an answer of the broker."""
QOS = 1
# "/" parts levels, "+" and "#" are for subscribers, U+0000 is not allowed (MQTT 3.1.1, 4.7); "%" keeps names apart.
LEVEL = {ord(sign): f"%{ord(sign):02X}" for sign in "%/+#\0"}


def level(name: str) -> str:
    """A name as one level of a topic."""
    return name.translate(LEVEL)


class MqttDelivery:
    """Publishes, and waits until the broker has it."""

    batch = 100

    def __init__(self, address: Address, client: str) -> None:
        """Connect later.

        Args:
            client: a name that is this sender's for ever: the broker ends an older connection of the same name.

        Raises:
            EyeError: options that do not fit.
        """
        self._address, self._client = address, f"compoundeye-{client}"
        self._password = address.secret("password") or address.password
        self._prefix = unquote(address.path).strip("/") or "compoundeye"
        if any(sign in self._prefix for sign in "+#\0"):
            raise EyeError(f"{address.shown}: a topic may not hold + or #")
        if address.options.get("retain", "open") != "open":
            raise EyeError(f"{address.shown}: retain must be open, or not be there")
        self._retain = "retain" in address.options
        self._tls = tls_context(address, "mqtts")
        self._session: _Session | None = None

    def deliver(self, batch: Sequence[Waiting]) -> None:
        """Return when the broker has acknowledged each message.

        Raises:
            Unreachable: it has not; ``done`` says how many it has.
        """
        session = self._connected()
        sent = list[list[int]]()
        try:
            for one in batch:
                sent.append([session.publish(*part) for part in self._parts(one.message)])
        except Unreachable:
            pass  # what went out before may have been acknowledged
        done = session.acknowledged(sent)
        if done < len(batch):
            raise Unreachable(self._lost(), done=done)

    def _parts(self, message: str) -> list[tuple[str, str, bool]]:
        """Topic, payload, retained or not, of what one message is published as."""
        event = decode(message)
        place = "/".join(level(name) for name in (event.stream, event.app, event.kind))
        parts = [(f"{self._prefix}/events/{place}", message, False)]
        if self._retain and not _momentary(event):
            topic = f"{self._prefix}/open/{place}/{level(event.id)}"
            parts.append((topic, "" if event.end is not None else message, True))
        return parts

    def tend(self) -> None:
        """Be connected, so that the broker says so.

        Raises:
            Unreachable: it is not possible.
        """
        self._connected()

    def close(self) -> None:
        """Say ``offline`` and leave."""
        session, self._session = self._session, None
        if session is None:
            return
        try:
            mid = session.publish(f"{self._prefix}/availability", "offline", True)
            session.acknowledged([[mid]])
        except Unreachable:
            pass  # then the broker says it
        session.close()

    def _connected(self) -> _Session:
        if self._session is not None and self._session.lost is not None:
            raise Unreachable(self._lost())
        if self._session is None:
            self._session = _Session(self._new_client(), self._address)
            self._session.publish(f"{self._prefix}/availability", "online", True)
        return self._session

    def _lost(self) -> str:
        """Let a session go that is of no use; why."""
        session, self._session = self._session, None
        assert session is not None
        reason = session.lost or f"{self._address.shown} does not answer"
        session.close()
        return reason

    def _new_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, self._client, protocol=MQTTv311, reconnect_on_failure=False)
        client.max_inflight_messages_set(2 * self.batch + 1)
        client.connect_timeout = PATIENCE_S
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.will_set(f"{self._prefix}/availability", "offline", QOS, retain=True)
        return client


class _Session:
    """One connection, from its beginning to its end; never used again after that."""

    def __init__(self, client: Client, address: Address) -> None:
        self._client, self._changed = client, Condition()
        self._acknowledged, self._joined = set[int](), False
        self.lost: str | None = None
        """Why it ended."""
        client.on_connect, client.on_disconnect, client.on_publish = self._on_connect, self._on_disconnect, self._on_ack
        self._place, self._bare = address.shown, address.scheme == "mqtts" and "cert" not in address.options
        port = address.port or (8883 if address.scheme == "mqtts" else 1883)
        try:
            client.connect(address.host, port, KEEP_ALIVE_S)
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self._place}: {refusal(error)}") from error
        client.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._joined or self.lost is not None, PATIENCE_S)
        if not self._joined:
            reason = self.lost or f"{self._place} does not answer"
            self.close()
            raise Unreachable(reason)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._changed:
            if reason.is_failure:
                self.lost = f"{self._place}: {reason}"
            else:
                self._joined = True
            self._changed.notify_all()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._changed:
            # Under TLS 1.3 (RFC 8446, 4.4.2.4) a broker refuses who shows it no certificate only after the handshake.
            hint = "; it may want a certificate of ours: cert=FILE, key=FILE" if self._bare and not self._joined else ""
            self.lost = self.lost or f"{self._place}: the connection ended: {reason}{hint}"
            self._changed.notify_all()

    def _on_ack(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        with self._changed:
            self._acknowledged.add(mid)
            self._changed.notify_all()

    def publish(self, topic: str, payload: str, retain: bool) -> int:
        """Send; the number under which it will be acknowledged.

        Raises:
            Unreachable: the connection ended.
        """
        info = self._client.publish(topic, payload, QOS, retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise Unreachable(self.lost or f"{self._place}: not connected")
        return int(info.mid)

    def acknowledged(self, sent: Sequence[Sequence[int]]) -> int:
        """Wait; how many, from the first, are acknowledged in all their parts. Fewer only if the session is lost."""
        done, deadline = 0, time.monotonic() + PATIENCE_S
        with self._changed:
            while done < len(sent):
                if all(mid in self._acknowledged for mid in sent[done]):
                    self._acknowledged.difference_update(sent[done])
                    done, deadline = done + 1, time.monotonic() + PATIENCE_S
                elif self.lost is not None or not self._changed.wait(deadline - time.monotonic()):
                    break
        return done

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()


def _momentary(event: Event) -> bool:
    return event.type == "new" and event.end is not None
