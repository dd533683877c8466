"""Signing in: who knows the secret gets a cookie, who guesses waits, and a session ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from compoundeye.console._access import Access, digest
from compoundeye.console._app import application
from compoundeye.console._attempts import EVERY_S, FREE, Attempts, network
from compoundeye.console._secrets import hashed
from compoundeye.console._sessions import IDLE_S, LONGEST_S, MOST, Sessions
from compoundeye.console._state import Served

TOKEN, PASSWORD = "a token of more than sixteen", "correct horse battery"
OURS = {"x-compoundeye": "1"}
HASH = hashed(PASSWORD)


class Clock:
    """Time as a test wants it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client(base: str = "http://10.1.2.3:8765", **rules: object) -> TestClient:
    access = Access("0.0.0.0", 8765, **({"token": digest(TOKEN), "password": HASH} | rules))  # type: ignore[arg-type]
    return TestClient(application(Served(access=access)), base_url=base, follow_redirects=False)


def sign_in(who: TestClient, secret: str, name: str = "Ada") -> int:
    return who.post("/api/v1/session", headers=OURS, json={"name": name, "secret": secret}).status_code


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_password_or_token_opens_the_door(secret: str) -> None:
    who = client()
    assert who.get("/").status_code == 303
    assert sign_in(who, secret, "  Ada ") == 200
    assert who.get("/").status_code == 200
    assert who.get("/api/v1/session").json() == {"name": "Ada", "open": False}


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    answer = client().post("/api/v1/session", headers=OURS, json={"name": "Ada", "secret": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("eye-8765=")
    for part in ("httponly", "samesite=strict", "path=/", "max-age="):
        assert part in cookie
    assert "secure" not in cookie
    assert PASSWORD not in answer.text + answer.headers["set-cookie"]


def test_over_tls_the_cookie_never_travels_without() -> None:
    who = client("https://10.1.2.3:8765", tls=True)
    answer = who.post("/api/v1/session", headers=OURS, json={"name": "Ada", "secret": TOKEN})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-eye-8765=")
    assert "secure" in cookie
    assert "domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert who.get("/").status_code == 200


def test_behind_a_proxy_its_address_is_the_own_one() -> None:
    who = client("http://eye.example.org", behind="https://eye.example.org")
    headers = OURS | {"origin": "https://eye.example.org", "x-forwarded-for": "203.0.113.9"}
    answer = who.post("/api/v1/session", headers=headers, json={"name": "Ada", "secret": TOKEN})
    assert answer.status_code == 200
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_script_sends_the_token_with_each_request() -> None:
    who = client()
    assert who.get("/api/v1/session").json()["name"] is None
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert who.get("/api/v1/openapi.json", headers=bearer).status_code == 200
    assert who.get("/api/v1/openapi.json", headers={"authorization": f"Bearer {PASSWORD}"}).status_code == 401
    assert who.get("/api/v1/openapi.json", headers={"authorization": f"Basic {TOKEN}"}).status_code == 401
    assert who.delete("/api/v1/session", headers=bearer).status_code == 403  # the header is asked of scripts too


def test_signing_out_ends_the_session_and_not_only_the_cookie() -> None:
    who = client()
    sign_in(who, PASSWORD)
    key = who.cookies["eye-8765"]
    assert who.delete("/api/v1/session", headers=OURS).json() == {"name": None, "open": False}
    assert who.get("/", headers={"cookie": f"eye-8765={key}"}).status_code == 303


def test_a_new_session_has_a_new_key() -> None:
    who, planted = client(), {"cookie": "eye-8765=a-key-that-somebody-else-chose"}
    assert who.get("/", headers=planted).status_code == 303
    answer = who.post("/api/v1/session", headers=OURS | planted, json={"name": "Ada", "secret": PASSWORD})
    assert answer.status_code == 200
    assert "a-key-that-somebody-else-chose" not in answer.headers["set-cookie"]
    assert client().get("/", headers=planted).status_code == 303


@pytest.mark.parametrize("name", ["", "   ", "a\x1b[2Jb", "a\nb", "x" * 101])
def test_a_name_is_one_that_can_be_printed(name: str) -> None:
    assert sign_in(client(), PASSWORD, name) == 422


def test_whoever_guesses_waits_and_the_right_secret_waits_with_them() -> None:
    who = client()
    assert [sign_in(who, "wrong") for _ in range(FREE)] == [401] * FREE
    answer = who.post("/api/v1/session", headers=OURS, json={"name": "Ada", "secret": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= EVERY_S
    assert "too many wrong guesses" in answer.json()["error"]
    bearer = who.get("/api/v1/openapi.json", headers={"authorization": f"Bearer {TOKEN}"})
    assert (bearer.status_code, "retry-after" in bearer.headers) == (429, True)


def test_wrong_tokens_count_as_wrong_passwords_do() -> None:
    who = client()
    found = [who.get("/", headers={"authorization": "Bearer no"}).status_code for _ in range(FREE + 1)]
    assert found == [303] * FREE + [429]


def test_guesses_at_once_are_as_few_as_one_after_the_other() -> None:
    attempts = Attempts(Clock())
    with ThreadPoolExecutor(16) as threads:
        waits = list(threads.map(lambda _: attempts.guess("203.0.113.9"), range(200)))
    assert waits.count(0) == FREE


def test_a_guess_comes_back_with_time_and_success_forgives() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(FREE):
        assert attempts.guess("203.0.113.9") == 0
    wait = attempts.guess("203.0.113.9")
    assert wait == EVERY_S
    assert attempts.guess("203.0.113.10") == 0
    clock.now += wait
    assert attempts.guess("203.0.113.9") == 0
    assert attempts.wait("203.0.113.9") > 0
    attempts.succeeded("203.0.113.9")
    assert attempts.wait("203.0.113.9") == 0


def test_one_guesser_has_many_addresses_of_ipv6() -> None:
    assert network("2001:db8:1:2::5") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::5")
    assert network("203.0.113.9") != network("203.0.113.10")
    assert network("::ffff:203.0.113.9") == network("203.0.113.9")
    assert network("fe80::1%eth0") == network("fe80::2")
    assert network("testclient") == "testclient"


def test_a_session_ends_when_it_is_idle_or_old() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    key = sessions.begin("Ada")
    clock.now += IDLE_S - 1
    assert sessions.visitor(key)
    clock.now += IDLE_S + 1
    assert sessions.visitor(key) is None
    key = sessions.begin("Ada")
    for _ in range(int(LONGEST_S / IDLE_S)):
        clock.now += IDLE_S - 1
        assert sessions.visitor(key)
    clock.now += IDLE_S - 1
    assert sessions.visitor(key) is None


def test_sessions_are_bounded_and_known_by_a_digest_alone() -> None:
    sessions = Sessions(Clock())
    first = sessions.begin("first")
    second = sessions.begin("second")
    assert sessions.visitor(first)
    for _ in range(MOST - 1):
        sessions.begin("more")
    assert sessions.visitor(second) is None  # unused longest
    assert sessions.visitor(first)
    assert first not in repr(vars(sessions))


def test_on_an_open_server_there_is_nothing_to_sign_in_to() -> None:
    who = TestClient(application(Served()), base_url="http://127.0.0.1", follow_redirects=False)
    assert who.get("/login").headers["location"] == "/"
    answer = who.post("/api/v1/session", headers=OURS, json={"name": "Ada", "secret": ""})
    assert (answer.json()["open"], "set-cookie" in answer.headers) == (True, False)
