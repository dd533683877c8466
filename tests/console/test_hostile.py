"""Hostile pictures, names, requests and neighbours: nothing of a stranger's is run, and the server answers on."""

from __future__ import annotations

import io
import json
import re
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from PIL import Image

from compoundeye.console._access import Access
from compoundeye.console._api_pictures import UPLOAD
from compoundeye.console._app import application
from compoundeye.console._limits import BODY
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus, correct, ingest

HERE = "http://127.0.0.1"
OURS = {"x-compoundeye": "1"}
MARK = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>"
RTL = "photo\u202egpj.exe"
CONTROLS = "a\x1b[31m\x07b\x7f"
ATTRIBUTE = "\" onmouseover='alert(3)' {{ 1234*4321 }} ${alert(4)}"
NAMES = (f"{MARK}.jpg", f"{RTL}.jpg", f"{CONTROLS}.jpg", f"{ATTRIBUTE}.jpg", "\n\r\tlines.jpg", "a" * 200 + ".jpg")
SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(5)'><script>alert(6)</script></svg>"
HTML = b"<!doctype html><title>x</title><script>alert(7)</script>"


def picture(seed: int, **more: Any) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((48, 36)).save(file, "JPEG", **more)
    return file.getvalue()


def tagged(seed: int) -> bytes:
    """A picture whose EXIF is a stranger's: markup for the camera, the maker, the artist and the comment."""
    exif = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298):
        exif[tag] = MARK + SCRIPT
    return picture(seed, exif=exif.tobytes(), comment=SCRIPT.encode())


def hostile_folder(place: Path) -> Path:
    """Pictures with names, captions and EXIF of a stranger's, and files that are none."""
    place.mkdir()
    for number, name in enumerate(NAMES):
        (place / name).write_bytes(tagged(number))
    (place / f"{MARK}.json").write_text(json.dumps({"caption": MARK + SCRIPT, MARK: ATTRIBUTE, "deep": [[SCRIPT]]}))
    (place / f"{ATTRIBUTE}.txt").write_text(f"{SCRIPT} {RTL} {CONTROLS}")
    for name, data in {"svg": SVG, "html": HTML}.items():
        for ending in (name, "jpg", "png"):
            (place / f"{name} as.{ending}").write_bytes(data)
    (place / "polyglot.jpg").write_bytes(picture(77, comment=HTML) + HTML)
    return place


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("hostile")
    ingest(hostile_folder(place / "pictures"), place / "corpus.lance", workers=1)
    made = Corpus.open(place / "corpus.lance")
    ids = made.dataset.to_table(columns=["id"])["id"].to_pylist()
    for identity, label in zip(ids, (MARK, SCRIPT, RTL, ATTRIBUTE), strict=False):
        correct(made, [identity], label, by=MARK)
        made.refresh()
    return made


@pytest.fixture(scope="module")
def client(store: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUNDEYE_HOME", str(tmp_path_factory.mktemp("home")))
        runs = tmp_path_factory.mktemp("runs")
        with TestClient(application(Served((store.path,), str(runs), access=Access(port=80))), base_url=HERE) as made:
            yield made


def listed(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/corpora/corpus/pictures").json()["items"]
    return found


class _Markup(HTMLParser):
    """Finds what a browser would run or fetch."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on") or name in ("style", "srcdoc")], (tag, attrs)
        assert tag not in ("iframe", "object", "embed", "base"), tag
        if tag == "script":
            assert (given.get("src") or "").startswith("/static/") or given.get("type") == "application/json", attrs
        for name in ("src", "href", "action", "formaction"):
            assert (given.get(name) or "/").startswith(("/", "#", "?")), (tag, attrs)
            assert not (given.get(name) or "/").startswith("//"), (tag, attrs)


def assert_harmless(page: str) -> None:
    """Of a page: it runs and fetches what is ours alone, and no template of a stranger's was filled in."""
    parser = _Markup()
    parser.feed(page)
    parser.close()
    assert str(1234 * 4321) not in page


def test_what_only_pretends_to_be_a_picture_is_not_taken(client: TestClient) -> None:
    names = [one["source"].rpartition("/")[2] for one in listed(client)]
    assert len(names) == len(NAMES) + 1
    assert "polyglot.jpg" in names
    assert all(name.isprintable() for name in names)  # what turns text round or moves a cursor is written out
    for one in listed(client):
        for what in ("image", "thumbnail"):
            told = client.get(f"/api/v1/corpora/corpus/pictures/{one['id']}/{what}")
            assert (told.headers["content-type"], told.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
            assert "sandbox" in told.headers["content-security-policy"]


def test_names_captions_and_exif_are_text_on_every_page(client: TestClient) -> None:
    seen = ""
    for path in ("/", "/c/corpus", "/c/corpus/review", "/c/corpus/account", "/jobs", "/runs", "/models", "/api"):
        page = client.get(path).text
        assert_harmless(page)
    for one in listed(client):
        page = client.get(f"/c/corpus/p/{one['id']}")
        assert page.status_code == 200
        assert_harmless(page.text)
        seen += page.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in seen
    assert "1234*4321" in seen


def test_what_is_asked_for_is_text_in_the_answer(client: TestClient) -> None:
    identity = listed(client)[0]["id"]
    for word in (MARK, SCRIPT, ATTRIBUTE, RTL, CONTROLS):
        for path in ("/c/corpus", f"/c/corpus/p/{identity}", "/login", "/c/corpus/review", "/runs", "/jobs", "/plan"):
            names = ("text", "where", "like", "to", "sort", "category", "name", "meaning", "run", "queue", word)
            told = client.get(path, params=dict.fromkeys(names, word))
            assert told.status_code < 500, (path, told.text)
            assert_harmless(told.text)


def test_answers_of_the_api_are_json_that_no_browser_shows_as_a_page(client: TestClient) -> None:
    base = "/api/v1/corpora/corpus"
    identity = listed(client)[0]["id"]
    for path in (f"{base}/pictures", f"{base}/pictures/{identity}", f"{base}/labels", f"{base}/pictures?where={MARK}"):
        told = client.get(path)
        assert told.headers["content-type"] == "application/json"
        assert told.headers["x-content-type-options"] == "nosniff"
    assert MARK in {one["name"] for one in client.get(f"{base}/labels", params={"limit": 100}).json()}


def test_labels_with_control_characters_are_refused(client: TestClient) -> None:
    one = listed(client)[-1]["id"]
    for label in (CONTROLS, "a\nb", "", " ", "x" * 201):
        told = client.post("/api/v1/corpora/corpus/corrections", json={"ids": [one], "label": label}, headers=OURS)
        assert told.status_code == 422, label


TRAVERSAL = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%252f..%252f..%252fetc%252fpasswd",
    "..%5c..%5cetc%5cpasswd",
    "%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
    "..;/..;/etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc%2fpasswd",
    "....%2f%2f....%2f%2fetc%2fpasswd",
    "%252e%252e",
    "corpus%00.lance",
    "%ff%fe",
    "%0d%0aSet-Cookie:%20stolen=1",
)


def _routes(client: TestClient) -> list[tuple[str, str]]:
    """Every method and path with a parameter."""
    app: Any = client.app
    return [
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        if "{" in (route.path or "")
        for method in sorted(route.methods or ())
    ]


@pytest.mark.parametrize("value", TRAVERSAL)
def test_no_way_out_by_any_route(client: TestClient, value: str) -> None:
    routes, known = _routes(client), {"corpus": "corpus", "id": listed(client)[0]["id"], "queue": "abstained"}
    assert len(routes) > 15
    for method, path in routes:
        for name in re.findall(r"{(\w+)", path):
            filled = re.sub(r"{(\w+)[^}]*}", lambda at: value if at[1] == name else known.get(at[1], "x"), path)  # noqa: B023
            told = client.request(method, filled, headers=OURS, follow_redirects=False)
            assert told.status_code in (303, 307, 400, 401, 403, 404, 405, 409, 413, 422), (method, filled, told.text)
            assert "root:" not in told.text
            assert "set-cookie" not in told.headers
            assert "stolen" not in str(told.headers)


def test_folders_of_the_server_are_not_told(client: TestClient) -> None:
    for path in ("/", "/etc", "/root/../etc", "~", "~root", "file:///etc", "\x00", "//etc", "/proc/self/root/etc"):
        told = client.get("/api/v1/jobs/places", params={"path": path})
        assert told.status_code in (403, 422), (path, told.text)
        assert "passwd" not in told.text


def test_conditions_read_and_never_write(client: TestClient, store: Corpus) -> None:
    before = Corpus.open(store.path).version
    for sql in (
        "1=1; DROP TABLE corpus",
        "true) UNION SELECT * FROM (SELECT 1",
        "id IN (SELECT id FROM dataset)",
        "read_csv('/etc/passwd') IS NULL",
        "pg_sleep(10) IS NULL",
        "regexp_like(source, '(a+)+$')",
        "repeat('a', 1000000000) = source",
        "REPEAT /* ' */ ('a', 1000000000) = ''''",
        "\"repeat\"('a', 1000000000) = source",
        "\"'\" = repeat('a', 1000000000) OR \"'\" = source",
        "source = E'\\'' OR repeat('a', 1000000000) = '' OR source = ''",
        "source = $$'$$ OR repeat('a', 1000000000) = ''",
        "source = '' -- '\n OR repeat('a', 1000000000) = ''",
        "rpad(source, 2000000000) = source",
        "replace(replace(replace(source, '', source), '', source), '', source) = source",
        "(" * 400 + "true" + ")" * 400,
        " AND ".join(["width > 0"] * 70),
    ):
        told = client.get("/api/v1/corpora/corpus/pictures", params={"where": sql})
        assert told.status_code in (200, 400, 422), (sql[:60], told.text)
        assert "root:" not in told.text
    assert Corpus.open(store.path).version == before


def test_functions_that_make_nothing_longer_may_be_called(client: TestClient) -> None:
    for sql in (
        "lower(source) LIKE '%repeat(%'",
        "width IN (48, 50) AND (format = 'JPEG' OR (bytes > 3))",
        "length(coalesce(caption, '')) >= 0",
        "date_part('year', taken_at) IS NULL",
        "CAST(width AS DOUBLE) / height > 1",
        "source <> '\\'",
        "NOT (`width` < 0) AND (-1) < width",
    ):
        told = client.get("/api/v1/corpora/corpus/pictures", params={"where": sql})
        assert told.status_code == 200, (sql, told.text)


def _bomb(side: int) -> bytes:
    """A PNG of side x side pixels in a few KB; its header is right and its data is zeros, as far as it goes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 22), 9))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (_bomb(60_000), {413, 415}),
        (_bomb(2**31 - 1), {413, 415}),
        (_bomb(0), {415}),
        (SVG, {415}),
        (HTML, {415}),
        (b"\xff\xd8\xff" + bytes(1000), {415}),
        (b"GIF89a" + b"\xff" * 40, {413, 415}),
        (b"%PDF-1.7", {415}),
        (bytes(UPLOAD + 1), {413}),
    ],
    ids=["bomb", "largest", "no pixels", "svg", "html", "broken", "gif", "pdf", "bytes"],
)
def test_uploads_that_mean_harm_are_refused_before_they_are_decoded(
    client: TestClient, data: bytes, status: set[int]
) -> None:
    told = client.post("/api/v1/corpora/corpus/search", files={"picture": (MARK, data, "image/svg+xml")}, headers=OURS)
    assert told.status_code in status, told.text
    assert MARK not in told.text


@pytest.mark.parametrize(("path", "limit"), [("/api/v1/corpora/corpus/search", UPLOAD), ("/api/v1/jobs", BODY)])
def test_an_upload_without_end_is_broken_off(client: TestClient, path: str, limit: int) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="picture"; filename="x"\r\n\r\n'
        while sent < 4 * limit:
            sent += 1 << 20
            yield bytes(1 << 20)

    kinds = {"content-type": "multipart/form-data; boundary=x"}
    if path.endswith("/jobs"):
        kinds = {"content-type": "application/json"}
    told = client.post(path, content=endless(), headers=OURS | kinds)
    assert (told.status_code, told.json()) == (413, {"error": "that is more bytes than this address takes"})


def test_forms_of_thousands_of_parts_are_refused(client: TestClient) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="picture%d"\r\n\r\nx\r\n'
    told = client.post(
        "/api/v1/corpora/corpus/search",
        content=b"".join(part % number for number in range(5_000)) + b"--x--\r\n",
        headers=OURS | {"content-type": "multipart/form-data; boundary=x"},
    )
    assert told.status_code in (400, 413, 422), told.text


@pytest.mark.parametrize("body", ["[" * 100_000, '{"ids": ' + "[" * 5_000 + "]" * 5_000 + "}", "\x00", '{"a":NaN}'])
def test_json_that_means_harm_is_refused(client: TestClient, body: str) -> None:
    json_ = OURS | {"content-type": "application/json"}
    for path in ("/api/v1/corpora/corpus/corrections", "/api/v1/jobs", "/api/v1/session"):
        told = client.post(path, content=body, headers=json_)
        assert told.status_code in (400, 413, 422), (path, told.text)


def test_thousands_of_thumbnails_at_once(client: TestClient) -> None:
    addresses = [one["thumbnail"] for one in listed(client)]
    wanted = [client.get(address).content for address in addresses]

    def get(number: int) -> bool:
        told = client.get(addresses[number % len(addresses)])
        return told.status_code == 200 and told.content == wanted[number % len(addresses)]

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(get, range(2_000)))


ASKED = (
    "",
    "/pictures?sort=bytes&min_size=1",
    "/pictures?text=photo",
    "/columns",
    "/histogram?column=width",
    "/thumbnails?rows=0",
    "/labels",
    "/corrections",
)


def _answers(client: TestClient, picture: str) -> list[int]:
    more = (f"/pictures/{picture}", *(f"/pictures/{picture}/{what}" for what in ("image", "thumbnail", "account")))
    paths = [f"/api/v1/corpora/album{path}" for path in (*ASKED, *more)]
    paths += ["/api/v1/corpora", "/c/album", f"/c/album/p/{picture}", "/", "/jobs"]
    return [client.get(path, follow_redirects=False).status_code for path in paths]


@pytest.mark.usefixtures("home")
def test_a_corpus_that_is_deleted_and_comes_back_while_it_is_open(
    tmp_path: Path, album: Callable[[Path], Corpus]
) -> None:
    store = album(tmp_path)
    first = store.dataset.to_table(columns=["id"])["id"][0].as_py().hex()
    with TestClient(application(Served((store.path,))), base_url=HERE) as client:
        assert set(_answers(client, first)) == {200, 303}
        shutil.rmtree(store.path)
        gone = _answers(client, first)
        assert max(gone) < 500, gone
        told = client.get("/api/v1/corpora").json()
        assert (told[0]["rows"], "no corpus at" in (told[0]["error"] or "")) == (None, True)
        album(tmp_path)
        assert set(_answers(client, first)) == {200, 303}


@pytest.mark.usefixtures("home")
def test_a_corpus_that_is_replaced_by_another_while_it_is_open(
    tmp_path: Path, album: Callable[[Path], Corpus], store: Corpus
) -> None:
    old = album(tmp_path)
    first = old.dataset.to_table(columns=["id"])["id"][0].as_py().hex()
    with TestClient(application(Served((old.path,))), base_url=HERE) as client:
        base = "/api/v1/corpora/album"
        page = client.get(f"{base}/pictures", params={"limit": 5, "sort": "bytes"}).json()
        shutil.rmtree(old.path)
        shutil.copytree(store.path, old.path)
        after = client.get(f"{base}/pictures", params={"limit": 5, "after": page["next"], "sort": "bytes"})
        assert after.status_code == 200
        assert client.get(f"{base}/pictures").json()["total"] == store.rows
        assert client.get(f"{base}/pictures/{first}").status_code == 404
        assert client.get(f"{base}/pictures/{first}/image").status_code == 404
        assert max(_answers(client, first)) < 500


@pytest.mark.usefixtures("home")
def test_a_corpus_that_is_written_and_compacted_while_people_look(
    tmp_path: Path, album: Callable[[Path], Corpus]
) -> None:
    store = album(tmp_path)
    ids = store.dataset.to_table(columns=["id"])["id"].to_pylist()
    statuses, ended = list[int](), threading.Event()
    with TestClient(application(Served((store.path,))), base_url=HERE) as client:

        def look() -> None:
            while not ended.is_set():
                statuses.extend(_answers(client, ids[3].hex()))

        looking = [threading.Thread(target=look) for _ in range(3)]
        for thread in looking:
            thread.start()
        try:
            for number, identity in enumerate(ids[:8]):
                correct(Corpus.open(store.path), [identity], f"kind {number}", by="Ada")
                dataset = Corpus.open(store.path).dataset
                dataset.optimize.compact_files()
                (tmp_path / "pictures").mkdir(exist_ok=True)
                (tmp_path / "pictures" / f"{number}.jpg").write_bytes(picture(900 + number))
                ingest(tmp_path / "pictures", store.path, workers=1)
        finally:
            ended.set()
            for thread in looking:
                thread.join()
        assert set(statuses) <= {200, 303, 409}, sorted(set(statuses))
        assert client.get("/api/v1/corpora/album/pictures").json()["total"] == len(ids) + 8


def test_no_word_of_an_address_becomes_a_header(client: TestClient) -> None:
    evil = "x\r\nSet-Cookie: stolen=1\r\nLocation: https://evil.example"
    for path in ("/", "/login", "/c/corpus", "/api/v1/session", "/api/v1/corpora/corpus/pictures", "/nothing"):
        told = client.get(path, params={"to": evil, "text": evil, evil: evil}, follow_redirects=False)
        assert told.status_code < 500
        assert "stolen" not in str(told.headers)
        assert "evil" not in told.headers.get("location", "")
    told = client.post("/api/v1/session", json={"name": evil, "secret": ""}, headers=OURS)
    assert (told.status_code, "set-cookie" in told.headers) == (422, False)


def test_no_other_site_reads_or_writes_here(client: TestClient) -> None:
    identity = listed(client)[0]["id"]
    image = f"/api/v1/corpora/corpus/pictures/{identity}/image"
    other = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    for path in (image, "/api/v1/corpora", "/api/v1/jobs", "/c/corpus"):
        told = client.get(path, headers=other)
        assert told.status_code == 403, path
        assert not [name for name in told.headers if name.startswith("access-control-")]
        asked = other | {"access-control-request-method": "POST", "access-control-request-headers": "x-compoundeye"}
        told = client.options(path, headers=asked)
        assert told.status_code in (403, 405)
        assert not [name for name in told.headers if name.startswith("access-control-")]
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        told = client.post(
            "/api/v1/corpora/corpus/corrections",
            content=json.dumps({"ids": [identity], "label": "stolen"}),
            headers={"content-type": kind, "origin": "https://evil.example"},
        )
        assert told.status_code == 403
    assert client.get(image).headers["cross-origin-resource-policy"] == "same-origin"
