"""The end of a server: streams are told that nobody listens any more, other messages pass as they come."""

from __future__ import annotations

import asyncio

from starlette.types import Message

from compoundeye.console._ending import until


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
    assert asyncio.run(scenario()) == [{"type": "http.request", "body": b"x"}, left, left]


def test_whoever_gives_up_leaves_nothing_behind() -> None:
    async def scenario() -> int:
        received = until(asyncio.Event(), asyncio.Queue[Message]().get)
        waiting = asyncio.ensure_future(received())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(scenario()) == 1
