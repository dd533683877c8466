"""`eye console` as a process: it says where it is, answers, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from ipaddress import IPv4Address
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.error import HTTPError

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from compoundeye.apps.face import Gallery
from compoundeye.cli import app
from compoundeye.cli._console import console as command
from compoundeye.corpus import Corpus


@contextmanager
def console(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the first line that it prints."""
    command = [sys.executable, "-m", "compoundeye.cli", "console", "--port", "0", "--no-open", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def announced(process: subprocess.Popen[str], line: str) -> dict[str, Any]:
    """What ``--json`` prints when the server answers."""
    assert process.stdout is not None
    while not line.rstrip().endswith("}"):
        line += process.stdout.readline()
    found: dict[str, Any] = json.loads(line)
    return found


def address(line: str) -> str:
    return line.split(" at ")[1].split()[0]


def test_it_serves_a_corpus_until_it_is_interrupted(tmp_path: Path) -> None:
    corpus = Corpus.create(tmp_path / "cats.lance").path
    with console(corpus) as (process, line):
        assert "(Ctrl-C ends it)" in line
        with urllib.request.urlopen(f"{address(line)}/api") as page:
            assert page.status == 200
            assert b"cats" in page.read()
        process.send_signal(signal.SIGINT)
        left, said = process.communicate(timeout=60)
        assert (process.returncode, left, said) == (0, "", "")


def test_it_ends_while_somebody_listens_to_a_stream(tmp_path: Path) -> None:
    with console(COMPOUNDEYE_HOME=str(tmp_path)) as (process, line):
        with urllib.request.urlopen(f"{address(line)}/api/v1/jobs/events") as stream:
            assert stream.readline()
            process.send_signal(signal.SIGINT)
            stream.read()  # to the end: there is one
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_where_others_reach_it_a_token_is_made_and_asked_for() -> None:
    with console("--host", "0.0.0.0") as (process, line):
        where, _, token = address(line).partition("/login#")
        port = where.rpartition(":")[2]
        assert len(token) >= 43  # 256 bits
        with pytest.raises(HTTPError, match="401") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/openapi.json")
        refused.value.close()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/openapi.json", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer)["info"]["title"] == "CompoundEye"
        process.terminate()
        _, said = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGTERM
        assert said.startswith("Not encrypted")


def test_behind_a_proxy_each_client_guesses_for_itself() -> None:
    with console("--behind", "https://eye.example.org", "--json", COMPOUNDEYE_TOKEN="a token of sixteen") as (
        process,
        line,
    ):
        told = announced(process, line)
        assert told["address"] == "https://eye.example.org"

        def guess(client: str) -> int:
            headers = {"Host": "eye.example.org", "X-Forwarded-For": client, "X-Forwarded-Proto": "https"}
            asked = HTTPConnection("127.0.0.1", told["port"])
            asked.request("GET", "/api/v1/openapi.json", headers=headers | {"Authorization": "Bearer wrong"})
            status = asked.getresponse().status
            asked.close()
            return status

        found = [guess("203.0.113.9") for _ in range(30)]
        assert (found[0], found[-1]) == (401, 429)
        assert guess("203.0.113.10") == 401
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")


def test_over_tls_with_a_token_of_the_environment(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    options = ("--json", "--tls-cert", str(certificate), "--tls-key", str(key))
    with console(*options, COMPOUNDEYE_TOKEN="a token of more than sixteen") as (process, line):
        told = announced(process, line)
        assert told["token"] is None
        assert told["address"].startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(certificate))
        asked = urllib.request.Request(
            f"{told['address']}/api/v1/openapi.json", headers={"Authorization": "Bearer a token of more than sixteen"}
        )
        with urllib.request.urlopen(asked, context=trusted) as answer:
            assert answer.status == 200
            assert answer.headers["Strict-Transport-Security"]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 for an hour, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


def refused(*arguments: str) -> str:
    """What a call that comes to nothing prints; nothing of it is served."""
    shown = CliRunner().invoke(app, ["console", "--no-open", *arguments])
    assert (shown.exit_code, shown.stdout) == (1, "")
    return shown.stderr


@pytest.mark.parametrize(
    ("display", "terminal", "json", "opened"),
    [(":0", True, False, True), ("", True, False, False), (":0", False, False, False), (":0", True, True, False)],
    ids=["desktop", "server", "script", "json"],
)
def test_the_browser_opens_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, display: str, terminal: bool, json: bool, opened: bool
) -> None:
    asked: Queue[str] = Queue()
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setattr("webbrowser.open", asked.put)
    monkeypatch.setattr("compoundeye.console.serve", lambda *_, ready, **__: ready("http://127.0.0.1:1", 1))
    command(port=1, json=json)
    if opened:
        assert asked.get(timeout=60) == "http://127.0.0.1:1"
    assert asked.empty()


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        told = refused("--port", port)
    assert told == f"error: port {port} of 127.0.0.1 is taken; give another with --port, or 0 for any\n"


def test_mistakes_are_told_before_anything_is_served(tmp_path: Path) -> None:
    assert "no corpus at" in refused(str(tmp_path / "none.lance"), "--port", "0")
    assert "go together" in refused("--tls-cert", "cert.pem")
    assert "is no address of this machine" in refused("--host", "no-such-host.invalid")
    assert "cannot use" in refused("--tls-cert", str(tmp_path / "a"), "--tls-key", str(tmp_path / "b"))
    assert "a token has at least" in refused("--token", "short")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "the console needs uvicorn: pip install 'compoundeye[console]'" in refused()


def test_a_gallery_of_faces_is_served_with_the_key_beside_it(tmp_path: Path) -> None:
    Gallery.create(tmp_path / "staff.gallery", tmp_path / "staff.key", by="owner")
    with console("--faces", str(tmp_path / "staff.gallery"), "--json", EYE_GALLERY_KEY="") as (process, line):
        port = announced(process, line)["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/faces", timeout=30) as answer:
            about = json.load(answer)
    assert about["faces"] == 0
