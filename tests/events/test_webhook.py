"""Events are posted to a real web server, signed, and again until it has them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from itertools import count
from pathlib import Path

import pytest
from scenes import crossing, keys, loitering
from servers import Hook, hook

from compoundeye.events import open_sink
from compoundeye.records import EyeError

__all__ = ["hook"]  # a fixture


def test_what_is_posted(hook: Hook, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + base64.b64encode(b"thirty-two bytes of a good secret").decode() + "\n")
    sink = open_sink(f"{hook.address}#secret_file={secret}", spool=tmp_path)
    sink.send([crossing(1), *loitering("who")])
    hook.wait_for(lambda: len(hook.events) == 4)
    sink.close()
    assert hook.events == [crossing(1), *loitering("who")]
    headers, body, _ = hook.got[0]
    assert headers["content-type"] == "application/json"
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mark = hmac.new(b"thirty-two bytes of a good secret", content, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mark).decode()}"


def test_a_server_that_fails_is_asked_again_with_the_same_id(hook: Hook, tmp_path: Path) -> None:
    tries = count()
    hook.answer = lambda _body: 503 if next(tries) < 3 else 200
    sink = open_sink(hook.address, spool=tmp_path)
    sink.send([crossing(1)])
    hook.wait_for(lambda: len(hook.events) == 1)
    sink.close()
    assert [status for _, _, status in hook.got] == [503, 503, 503, 200]
    assert len({headers["webhook-id"] for headers, _, _ in hook.got}) == 1


def test_a_server_that_is_stopped_and_started_again_gets_all_in_order(hook: Hook, tmp_path: Path) -> None:
    sink = open_sink(hook.address, spool=tmp_path)
    sent = 0
    for _ in range(3):
        hook.stop()
        sink.send([crossing(sent + number) for number in range(150)])
        sent += 150
        hook.start()
        sink.send([crossing(sent)])
        sent += 1
        hook.wait_for(lambda: len(set(keys(hook.events))) == sent)  # noqa: B023  used at once
    assert list(dict.fromkeys(keys(hook.events))) == [(f"gate-{number}", 0) for number in range(sent)]
    sink.close()


def test_what_a_server_will_never_take_is_set_aside_and_all_else_arrives(hook: Hook, tmp_path: Path) -> None:
    hook.answer = lambda body: 422 if b'"gate-7"' in body else 200
    sink = open_sink(hook.address, spool=tmp_path)
    sink.send([crossing(number) for number in range(20)])
    hook.wait_for(lambda: len(set(keys(hook.events))) == 19)
    hook.wait_for(lambda: sink.status().waiting == 0)
    status = sink.status()
    sink.close()
    assert (status.refused, status.error) == (1, None)
    assert keys(hook.events) == [(f"gate-{number}", 0) for number in range(20) if number != 7]


def test_a_server_that_asks_for_rest_is_left_alone_and_closing_does_not_wait_for_it(hook: Hook, tmp_path: Path) -> None:
    hook.answer, hook.more = lambda _body: 429, {"Retry-After": "3000"}
    sink = open_sink(hook.address, spool=tmp_path)
    sink.send([crossing(1)])
    hook.wait_for(lambda: sink.status().error is not None)
    sink.send([crossing(2)])
    sink.close()
    assert len(hook.got) == 1
    assert sink.status().waiting == 2
    assert "429" in str(sink.status().error)


def test_a_redirection_is_not_followed(hook: Hook, tmp_path: Path) -> None:
    hook.answer, hook.more = lambda _body: 301, {"Location": hook.address}
    sink = open_sink(hook.address, spool=tmp_path)
    sink.send([crossing(1)])
    hook.wait_for(lambda: "301" in (sink.status().error or ""))
    sink.close()
    assert sink.status().waiting == 1


def test_a_token_and_a_name_with_a_password(hook: Hook, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("of-the-hook\n")
    place = hook.address.replace("http://", "http://eye:p%40ss@")
    for number, address in enumerate([f"{hook.address}#token_file={token}", place]):
        sink = open_sink(address, spool=tmp_path)
        sink.send([crossing(number)])
        hook.wait_for(lambda number=number: len(hook.got) > number)
        sink.close()
    assert [headers["authorization"] for headers, _, _ in hook.got] == [
        "Bearer of-the-hook",
        "Basic " + base64.b64encode(b"eye:p@ss").decode(),
    ]
    assert json.loads(hook.got[0][1])["events"][0]["id"] == "gate-0"


def test_secrets_that_cannot_be(tmp_path: Path) -> None:
    for text, said in (("", "is empty"), ("whsec_not base64", "must be Base64")):
        secret = tmp_path / "secret"
        secret.write_text(text)
        with pytest.raises(EyeError, match=said):
            open_sink(f"https://host/hook#secret_file={secret}", spool=tmp_path)
