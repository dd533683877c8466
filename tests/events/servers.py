"""Real servers for tests of events: Mosquitto, PostgreSQL and a web server, killed and started again at will.

Modules that use them import the fixtures `mosquitto`, `postgresql` and `hook` by name: this is no conftest, of which
there may be only one.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from compoundeye.events import decode
from compoundeye.records import Event

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(so: Callable[[], bool], changed: Condition | None = None) -> None:
    """Return when it is so; fail after a minute."""
    changed = changed or Condition()
    with changed:
        for _ in range(int(PATIENCE_S / 0.02)):
            if so():
                return
            changed.wait(0.02)
    raise AssertionError(f"not so after {PATIENCE_S:.0f} s")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """A broker on a port of its own. It keeps what it holds in a file when it is asked to end.

    What it sends leaves at once (no Nagle's algorithm): so what a killed one had sent is with its reader.
    """

    def __init__(self, program: str, folder: Path, more: str = "") -> None:
        self.port = free_port()
        self._program, self._settings = program, folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nuser root\npersistence true\npersistence_location {folder}/\n"
            f"max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n{more or 'allow_anonymous true'}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: answers(self.port))

    def remember(self) -> None:
        """Write down who subscribes to what, so that it outlives being killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        wait_until((self._settings.parent / "mosquitto.db").is_file)

    def freeze(self) -> None:
        """Nothing is read or written any more, nothing answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # it runs on for a moment after it was told

    def end(self) -> None:
        """As an administrator does: it writes down what it holds."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
        self._process = None

    def kill(self) -> None:
        """As the loss of power does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"


def program(name: str, *folders: str) -> str:
    """Where a server is, or a reason to skip."""
    places = [*folders, os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"no {name}: scripts/servers installs it")
    return found


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that anybody may use."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(program("mosquitto"), folder)
    yield broker
    broker.kill()


class Listener:
    """Subscribes to everything, and keeps what it hears; comes back by itself when the broker does."""

    def __init__(self, broker: Mosquitto, topics: str = "#", user: tuple[str, str] | None = None) -> None:
        self.heard = list[tuple[str, bytes, bool]]()
        """Topic, payload, whether it was retained."""
        self.events = list[Event]()
        self.once = dict[tuple[str, int], None]()
        """(id, revision) of the events, without repetitions, in the order in which they came."""
        self.changed, self._joined = Condition(), False
        self._client = Client(CallbackAPIVersion.VERSION2, f"listener-{free_port()}", clean_session=False)
        self._client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type]
        self._client.on_connect = lambda client, *_: client.subscribe(topics, 1)
        self._client.on_subscribe = lambda *_: self._note_joined()
        self._client.on_message = lambda _client, _data, message: self._note(message)
        if user:
            self._client.username_pw_set(*user)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        wait_until(lambda: self._joined, self.changed)

    def _note_joined(self) -> None:
        with self.changed:
            self._joined = True
            self.changed.notify_all()

    def _note(self, message: MQTTMessage) -> None:
        with self.changed:
            self.heard.append((message.topic, message.payload, message.retain))
            if "/events/" in message.topic:
                self.events.append(decode(message.payload))
                self.once[self.events[-1].id, self.events[-1].revision] = None
            self.changed.notify_all()

    def said(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in list(self.heard) if name == topic]

    def drained(self) -> bool:
        """Whether all that the broker sent so far was read from the system."""
        there = bytearray(4)
        line = self._client.socket()
        if line is None:
            return True
        fcntl.ioctl(line, termios.FIONREAD, there)
        return int.from_bytes(there, sys.byteorder) == 0

    def wait_for(self, so: Callable[[], bool]) -> None:
        wait_until(so, self.changed)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class PostgreSQL:
    """A server with one database, on a socket of its own port; run by another user where we are root."""

    def __init__(self, folder: Path) -> None:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        self._bin = Path(program("pg_ctl", *map(str, versions))).parent
        self._folder = folder
        self.port = free_port()
        self._as: list[str] = []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            self._as = [program("runuser"), "-u", "postgres", "--"]
        self._run("initdb", "-D", f"{folder}/data", "-U", "eye", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "eye", "events")

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as, str(self._bin / name), *arguments], capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c shared_buffers=16MB"
        log = f"{self._folder}/log"
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-o", options, "-l", log, "-w", "start")

    def kill(self) -> None:
        """At once, with whatever is under way: its log has to mend it."""
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "-w", "stop")

    @property
    def address(self) -> str:
        return f"postgresql://eye:secret@127.0.0.1:{self.port}/events"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    """A server for a module's tests; they share its database."""
    if os.getuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("no user postgres: scripts/servers makes it")
    # Not below pytest's own folder, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory(prefix="eye-postgresql-") as folder:
        server = PostgreSQL(Path(folder))
        yield server
        server.kill()


@dataclass
class Hook:
    """A web server that takes what is posted, and answers as it is told."""

    port: int = field(default_factory=free_port)
    answer: Callable[[bytes], int] = lambda _body: 204
    more: dict[str, str] = field(default_factory=dict)
    """Headers of its answers."""
    got: list[tuple[dict[str, str], bytes, int]] = field(default_factory=list)
    """Headers (names in lower case), body, the status that was answered."""
    changed: Condition = field(default_factory=Condition)
    tls: ssl.SSLContext | None = None
    """Its certificate, and whose it wants to see."""
    _server: ThreadingHTTPServer | None = None

    def start(self) -> Hook:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.answer(body)
                with hook.changed:
                    hook.got.append(({k.lower(): v for k, v in self.headers.items()}, body, status))
                    hook.changed.notify_all()
                self.send_response(status)
                for name, value in hook.more.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def wait_for(self, so: Callable[[], bool]) -> None:
        wait_until(so, self.changed)

    @property
    def events(self) -> list[Event]:
        """Of what was answered with 2xx."""
        bodies = [body for _, body, status in list(self.got) if 200 <= status < 300]
        return [decode(json.dumps(one)) for body in bodies for one in json.loads(body)["events"]]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/told?site=north"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A web server that is up."""
    server = Hook().start()
    yield server
    server.stop()
