"""The end of a server: streams are told that nobody listens any more, other messages pass as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.types import Message

from compoundeye.console._ending import until

T = TypeVar("T")


def ran(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """In a thread of its own: in this one a browser of another test may keep a loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(scenario())).result()


def test_messages_pass_until_the_server_ends() -> None:
    async def scenario() -> list[Message]:
        ending, messages = asyncio.Event(), asyncio.Queue[Message]()
        received = until(ending, messages.get)
        messages.put_nowait({"type": "http.request", "body": b"x"})
        found = [await received()]
        waiting = asyncio.ensure_future(received())
        await asyncio.sleep(0)
        assert not waiting.done()
        ending.set()
        return [*found, await waiting, await received()]

    left = {"type": "http.disconnect"}
    assert ran(scenario) == [{"type": "http.request", "body": b"x"}, left, left]


def test_whoever_gives_up_leaves_nothing_behind() -> None:
    async def scenario() -> int:
        received = until(asyncio.Event(), asyncio.Queue[Message]().get)
        waiting = asyncio.ensure_future(received())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert ran(scenario) == 1
