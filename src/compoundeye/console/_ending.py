"""How streams end with the server: for them, everybody who listens has left."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive


def until(ending: asyncio.Event, receive: Receive) -> Receive:
    """``receive`` of ASGI, which tells of a disconnect once ``ending`` is set.

    A stream of events has no end of its own, and a server that is told to stop waits for every answer under way.
    """

    async def received() -> Message:
        waiting = (asyncio.ensure_future(receive()), asyncio.ensure_future(ending.wait()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return waiting[0].result() if waiting[0].done() else {"type": "http.disconnect"}
        finally:
            for one in waiting:
                one.cancel()

    return received
