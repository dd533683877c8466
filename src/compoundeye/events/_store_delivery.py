"""Events to a PostgreSQL that may be out of reach."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import DataError, IntegrityError

from compoundeye.events._spool import Waiting
from compoundeye.events._spooled import Refused, Unreachable
from compoundeye.events._store import EventStore
from compoundeye.events._wire import decode
from compoundeye.records import EyeError


class StoreDelivery:
    """Writes a batch in one transaction."""

    batch = 500

    def __init__(self, address: str) -> None:
        self._address = address
        self._store: EventStore | None = None

    def deliver(self, batch: Sequence[Waiting]) -> None:
        """Return when the batch is committed.

        Raises:
            Unreachable: the server is not there.
            Refused: it takes no such values.
        """
        events = [decode(one.message) for one in batch]
        try:
            self._opened().send(events)
        except EyeError as error:
            if isinstance(error.__cause__, (DataError, IntegrityError)):
                raise Refused(str(error)) from error
            self.close()
            raise Unreachable(str(error)) from error

    def tend(self) -> None:
        """Connections are made when they are needed; the first one shows a mistake in the address.

        Raises:
            Unreachable: the server is not there.
        """
        try:
            self._opened()
        except EyeError as error:
            raise Unreachable(str(error)) from error

    def _opened(self) -> EventStore:
        if self._store is None:
            self._store = EventStore(self._address)
        return self._store

    def close(self) -> None:
        """Let the connections go."""
        if self._store is not None:
            self._store.close()
        self._store = None
