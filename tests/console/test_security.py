"""The door: every route of the application stands behind it, and what must not pass does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from starlette.responses import HTMLResponse, PlainTextResponse

from compoundeye.console._access import Access, digest
from compoundeye.console._app import application
from compoundeye.console._headers import HEADERS, POLICY
from compoundeye.console._limits import BODY, MOST
from compoundeye.console._security import FORWARDED, HEADER, NEEDS_NOBODY, READING
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus

TOKEN = "a token of more than sixteen"
OURS = {HEADER: "1"}
LOCAL, REMOTE = "http://127.0.0.1:8765", "http://10.1.2.3:8765"
VALUES = {"id": "0" * 32, "corpus": "cats", "queue": "least-certain"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return Corpus.create(tmp_path_factory.mktemp("corpora") / "cats.lance").path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def open_app(corpus: str) -> FastAPI:
    return application(Served((corpus,), access=Access(port=8765)))


@pytest.fixture(scope="module")
def closed_app(corpus: str) -> FastAPI:
    return application(Served((corpus,), access=Access("0.0.0.0", 8765, token=digest(TOKEN))))


@pytest.fixture
def local(open_app: FastAPI) -> TestClient:
    return TestClient(open_app, base_url=LOCAL)


@pytest.fixture
def remote(closed_app: FastAPI) -> TestClient:
    return TestClient(closed_app, base_url=REMOTE, follow_redirects=False)


def address(path: str, values: Mapping[str, str]) -> str:
    """The path of a route with its parameters filled in."""
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values.get(found[1], "x"), path)


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and address of an application, parameters filled in."""
    for route in iter_route_contexts(app.routes):
        path = address(route.path or "", VALUES)
        yield from ((method, path) for method in sorted(route.methods or ()))


def needs_nobody(path: str) -> bool:
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in NEEDS_NOBODY)


def test_the_walk_sees_pages_and_api(open_app: FastAPI) -> None:
    found = set(routes(open_app))
    assert {("GET", "/"), ("GET", "/login"), ("POST", "/api/v1/session"), ("GET", "/api/v1/openapi.json")} <= found
    assert ("GET", "/static/x/x") in found


def test_every_route_that_changes_something_refuses_a_request_without_our_header(local: TestClient) -> None:
    changing = [(method, path) for method, path in routes(local.app) if method not in READING]  # type: ignore[arg-type]
    assert changing
    for method, path in changing:
        answer = local.request(method, path)
        assert (method, path, answer.status_code) == (method, path, 403)
        assert HEADER in answer.json()["error"]


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "ftp://127.0.0.1:8765"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_no_route_changes_anything_for_a_page_of_another_site(local: TestClient, sent: dict[str, str]) -> None:
    for method, path in routes(local.app):  # type: ignore[arg-type]
        if method not in READING:
            answer = local.request(method, path, headers=OURS | sent)
            assert (method, path, answer.status_code) == (method, path, 403)


def test_our_own_page_may_change_something(local: TestClient) -> None:
    ours = OURS | {"origin": LOCAL, "sec-fetch-site": "same-origin"}
    assert local.post("/api/v1/session", headers=ours, json={"name": "Ada", "secret": ""}).status_code == 200


def test_every_route_of_a_server_that_others_reach_demands_a_session(remote: TestClient) -> None:
    seen = 0
    for method, path in routes(remote.app):  # type: ignore[arg-type]
        if needs_nobody(path):
            continue
        answer = remote.request(method, path, headers=OURS)
        page = method in READING and not path.startswith("/api/")
        assert (method, path, answer.status_code) == (method, path, 303 if page else 401)
        if page:
            assert answer.headers["location"].startswith("/login?to=")
        else:
            assert "sign in first" in answer.text or method == "HEAD"
        seen += 1
    assert seen


HOSTILE = {
    "traversal": "..%2F..%2F..%2Fetc%2Fpasswd",
    "hidden traversal": "%2e%2e%5c%2e%2e",
    "nul": "a%00b",
    "no text": "%ff%fe",
    "markup": "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "template": "%7B%7B1234*4321%7D%7D",
    "long": "a" * 5000,
    "newline": "a%0d%0aSet-Cookie:%20x=y",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_no_address_breaks_or_misleads_a_handler(local: TestClient, value: str) -> None:
    paths = {route.path for route in iter_route_contexts(local.app.routes) if "{" in (route.path or "")}  # type: ignore[attr-defined]
    assert paths
    for path in sorted(str(one) for one in paths if "events" not in str(one)):
        for name in re.findall(r"{(\w+)", path):
            filled = address(path, VALUES | {name: value})
            answer = local.get(filled, follow_redirects=False)
            assert answer.status_code < 500, (filled, answer.text)
            assert "root:" not in answer.text
            assert "<img" not in answer.text or answer.headers["content-type"].startswith("application/json")
            assert str(1234 * 4321) not in answer.text
            assert "set-cookie" not in answer.headers


def test_what_is_not_there_is_not_told_apart_before_sign_in(remote: TestClient) -> None:
    assert remote.get("/api/v1/no-such-thing").status_code == 401
    assert remote.get("/c/no-such-corpus").status_code == 303


def test_the_login_page_names_no_corpus(remote: TestClient) -> None:
    page = remote.get("/login")
    assert page.status_code == 200
    assert "cats" not in page.text
    assert "Sign out" not in page.text


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "a@localhost"]
)
def test_an_open_server_answers_to_no_other_name(local: TestClient, host: str) -> None:
    answer = local.get("/", headers={"host": host})
    assert answer.status_code == 403
    assert "cats" not in answer.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost:1", "LOCALHOST", "[::1]:8765", "127.8.8.8", "a.localhost."]
)
def test_an_open_server_answers_to_loopback(local: TestClient, host: str) -> None:
    assert local.get("/api/v1/session", headers={"host": host}).status_code == 200


def test_names_that_a_server_was_told_of() -> None:
    access = Access("0.0.0.0", 8765, ("gpu-box",), "https://eye.example.org", digest(TOKEN))
    for host in ("gpu-box:8765", "eye.example.org", "10.9.8.7:8765", "[fe80::1]", "localhost"):
        assert access.answers_to(host), host
    for host in ("evil.example", "eye.example.org.evil.example", "gpu-box.evil.example"):
        assert not access.answers_to(host), host
    for host in ("gpu-box", "10.9.8.7"):  # nobody has to sign in: a name that DNS gives is not enough
        assert not Access(names=("gpu-box",)).answers_to(host), host


@pytest.mark.parametrize("name", FORWARDED)
def test_an_open_server_refuses_what_a_proxy_sends(local: TestClient, name: str) -> None:
    answer = local.get("/api/v1/session", headers={name: "for=203.0.113.9"})
    assert answer.status_code == 403
    assert "--behind" in answer.json()["error"]


def test_a_page_of_another_site_may_link_here_and_not_use_what_is_here(local: TestClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert local.get("/api", headers=link).status_code == 200
    assert local.get("/api", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403
    used = {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert local.get("/api/v1/session", headers=used).status_code == 403


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/api/v1/nothing", "/api/v1/session", "/static/x/none.js"])
def test_every_answer_carries_the_headers(local: TestClient, path: str) -> None:
    found = local.get(path, follow_redirects=False).headers
    for name, value in HEADERS.items():
        assert found[name] == value or (name == "cache-control" and "public" not in found[name])
    assert "server" not in found


def test_what_people_see_is_kept_by_no_cache_on_the_way(local: TestClient, remote: TestClient) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert local.get("/api").headers["cache-control"] == "private, no-cache"
    assert remote.get("/api", headers=bearer).headers["cache-control"] == "no-store"
    for client in (local, remote):
        assert client.get("/api/v1/openapi.json", headers=bearer).headers["cache-control"] == "no-store"
        assert client.get("/nothing", headers=bearer).headers["cache-control"] == "no-store"


def test_refusals_carry_the_headers_too(local: TestClient) -> None:
    assert local.get("/", headers={"host": "evil.example"}).headers["content-security-policy"] == POLICY
    assert local.post("/api/v1/session").headers["x-content-type-options"] == "nosniff"


def test_the_policy_runs_nothing_that_stands_in_a_page(local: TestClient) -> None:
    assert "unsafe" not in POLICY
    assert "require-trusted-types-for 'script'" in POLICY
    page = local.get("/nothing").text
    assert not re.search(r"<script(?![^>]*(\ssrc=|application/json))", page)
    assert not re.search(r"\s(style|on\w+)=", page)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_a_handler_may_tighten_the_policy_and_not_go_without(corpus: str) -> None:
    app = application(Served((corpus,)))
    own = {"content-security-policy": "default-src 'none'; sandbox"}
    app.add_api_route("/tight", lambda: PlainTextResponse("x", headers=own))
    answer = TestClient(app, base_url=LOCAL).get("/tight")
    assert answer.headers.get_list("content-security-policy") == [own["content-security-policy"]]
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_defect_says_nothing_of_the_inside(corpus: str, caplog: pytest.LogCaptureFixture) -> None:
    app = application(Served((corpus,)))
    app.add_api_route("/api/v1/broken", lambda: 1 / 0)
    app.add_api_route("/broken", lambda: {}["the secret place"], response_class=HTMLResponse)
    client = TestClient(app, base_url=LOCAL)
    told = client.get("/api/v1/broken")
    assert told.status_code == 500
    assert told.json()["error"].startswith("this is a defect of CompoundEye")
    page = client.get("/broken")
    assert (page.status_code, "the secret place" in page.text, "defect" in page.text) == (500, False, True)
    assert page.headers["content-security-policy"] == POLICY
    assert "ZeroDivisionError" in caplog.text
    assert "the secret place" in caplog.text


def test_too_many_bytes_are_refused_before_they_are_read(local: TestClient) -> None:
    json = OURS | {"content-type": "application/json"}
    told = local.post("/api/v1/session", headers=json | {"content-length": str(4 << 30)}, content=b"{}")
    assert (told.status_code, told.json()) == (413, {"error": "that is more bytes than this address takes"})
    assert told.headers["content-security-policy"] == POLICY


def test_too_many_bytes_are_refused_where_nobody_said_how_many(local: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100 * BODY:
            sent += 1 << 16
            yield b" " * (1 << 16)

    told = local.post("/api/v1/session", headers=OURS | {"content-type": "application/json"}, content=endless())
    assert told.status_code == 413
    assert told.json() == {"error": "that is more bytes than this address takes"}


def test_every_route_that_takes_a_body_has_a_limit(open_app: FastAPI) -> None:
    limits = {
        route.path: route.max_body_size
        for route in iter_route_contexts(open_app.routes)
        if (route.methods or set()) - READING
    }
    assert limits["/api/v1/session"] == BODY
    assert all(limit is not None and limit <= MOST for limit in limits.values()), limits


def test_static_files_have_no_way_out(local: TestClient) -> None:
    assert local.get("/static/x/eye.js").status_code == 200
    for name in (
        "../_app.py",
        "..%2F_app.py",
        "%2e%2e%2f_app.py",
        "....//_app.py",
        "/etc/passwd",
        "eye.js%00.css",
        ".",
    ):
        answer = local.get(f"/static/x/{name}")
        assert answer.status_code == 404, name
        assert "import" not in answer.text


def test_static_files_live_for_ever_at_their_own_address_alone(local: TestClient) -> None:
    page = local.get("/nothing").text
    found = re.findall(r"/static/[0-9a-f]{16}/eye\.js", page)
    assert found
    whole = local.get(found[0])
    assert "immutable" in whole.headers["cache-control"]
    assert local.get(found[0], headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    assert local.get("/static/0000000000000000/eye.js").headers["cache-control"] == "no-cache"


def test_values_in_a_page_are_text(corpus: str, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)>.lance"
    Corpus.create(hostile)
    page = TestClient(application(Served((corpus, str(hostile)))), base_url=LOCAL).get("/nothing").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
