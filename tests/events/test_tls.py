"""Events over encrypted connections: a real Mosquitto with certificates, a web server with one, and what is refused."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import A_DAY, NOW, Authority
from scenes import crossing, keys
from servers import Hook, Listener, Mosquitto, free_port, hook, program, wait_until

from compoundeye.events import open_sink
from compoundeye.records import EyeError

__all__ = ["hook"]  # a fixture


@dataclass
class Site:
    """A broker with a listener for each kind of certificate, an authority, and who hears what arrives."""

    ports: dict[str, int]
    trusted: Path
    foreign: Path
    ours: str
    """Options with our certificate."""
    listener: Listener

    def address(self, which: str, options: str) -> str:
        return f"mqtts://127.0.0.1:{self.ports[which]}/metro#{options}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site with blanks")
    authority, foreign = Authority(folder), Authority(folder, "foreign")
    served = {
        "good": authority.sign("good"),
        "closed": authority.sign("closed"),
        "elsewhere": authority.sign("elsewhere", host="broker.example"),
        "expired": authority.sign("expired", until=NOW - A_DAY),
    }
    ports = {name: free_port() for name in served}
    lines = ["allow_anonymous true"]
    for name, (certificate, key) in served.items():
        lines += [f"listener {ports[name]} 127.0.0.1", f"certfile {certificate}", f"keyfile {key}"]
        if name == "closed":
            lines += [f"cafile {authority.path}", "require_certificate true"]
    broker = Mosquitto(program("mosquitto"), folder, more="\n".join(lines))
    listener = Listener(broker)
    certificate, key = authority.sign("camera")
    yield Site(ports, authority.path, foreign.path, f"cert={certificate}&key={key}", listener)
    listener.close()
    broker.kill()


@pytest.mark.parametrize("which", ["good", "closed"])
def test_a_broker_that_shows_its_certificate_and_sees_ours(site: Site, which: str, tmp_path: Path) -> None:
    more = f"&{site.ours}" if which == "closed" else ""
    before = len(site.listener.events)
    sink = open_sink(site.address(which, f"ca={site.trusted}{more}"), spool=tmp_path)
    sink.send([crossing(1)])
    site.listener.wait_for(lambda: len(site.listener.events) > before)
    assert keys(site.listener.events[before:]) == [("gate-1", 0)]
    sink.close()
    assert sink.status().waiting == 0


@pytest.mark.parametrize(
    ("which", "trusted", "said"),
    [
        ("elsewhere", True, "not valid for '127.0.0.1'"),
        ("expired", True, "certificate has expired"),
        ("good", False, "self.signed certificate in|unable to get local issuer certificate"),
    ],
)
def test_a_broker_that_is_not_who_was_meant_is_told_nothing(
    site: Site, which: str, trusted: bool, said: str, tmp_path: Path
) -> None:
    ca = site.trusted if trusted else site.foreign
    before = len(site.listener.heard)
    sink = open_sink(site.address(which, f"ca={ca}"), spool=tmp_path)
    sink.send([crossing(2)])
    wait_until(lambda: sink.status().error is not None)
    sink.close()
    error = str(sink.status().error)
    assert "its certificate is not accepted: " in error
    assert any(part in error for part in said.split("|")), error
    assert sink.status().waiting == 1
    assert len(site.listener.heard) == before


def test_a_broker_that_wants_a_certificate_of_ours_and_sees_none(site: Site, tmp_path: Path) -> None:
    sink = open_sink(site.address("closed", f"ca={site.trusted}"), spool=tmp_path)
    sink.send([crossing(3)])
    wait_until(lambda: sink.status().error is not None)
    sink.close()
    assert "it may want a certificate of ours: cert=FILE, key=FILE" in str(sink.status().error)
    assert sink.status().waiting == 1


def test_a_webhook_of_https_with_a_certificate_of_its_own(hook: Hook, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    hook.stop()
    hook.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.path))
    hook.tls.load_cert_chain(*authority.sign("hook"))
    hook.tls.verify_mode = ssl.CERT_REQUIRED
    hook.start()
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    certificate, key = authority.sign("camera", password=b"open sesame")
    options = f"ca={authority.path}&cert={certificate}&key={key}&key_password_file={secret}"
    sink = open_sink(f"{hook.address.replace('http:', 'https:')}#{options}", spool=tmp_path)
    sink.send([crossing(1)])
    hook.wait_for(lambda: keys(hook.events) == [("gate-1", 0)])
    sink.close()


def test_files_that_do_not_fit_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.sign("one")[0], authority.sign("other")[1]
    locked = authority.sign("locked", password=b"open sesame")
    secret = tmp_path / "secret"
    secret.write_text("open barley\n")
    for options, said in {
        "ca=/no/such/file": "ca=/no/such/file cannot be read: No such file or directory",
        f"ca={secret}": "secret cannot be read: no certificate or crl found",
        f"cert={one}": "cert and key go together",
        f"cert={one}&key={other}": "cannot be used: key values mismatch",
        f"cert={one}&key={secret}": "cannot be used: not in PEM",
        f"cert={locked[0]}&key={locked[1]}": "its key is under a password: key_password_file=FILE names the right one",
        f"cert={locked[0]}&key={locked[1]}&key_password_file={secret}": "its key is under a password",
    }.items():
        for scheme in ("mqtts", "https"):
            with pytest.raises(EyeError, match=said):
                open_sink(f"{scheme}://host/path#{options}", spool=tmp_path)
    for scheme in ("mqtt", "http"):
        with pytest.raises(EyeError, match=f"ca is for {scheme}s://, and this address is not encrypted"):
            open_sink(f"{scheme}://host/path#ca={authority.path}", spool=tmp_path)
