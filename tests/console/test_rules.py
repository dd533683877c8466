"""From options to the rules of the door: open on loopback alone, a secret everywhere else."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compoundeye.console import _secrets, access_rules
from compoundeye.console._refusals import TooMany
from compoundeye.console._secrets import IN_LINE, LONGEST, hashed, matches, read_password
from compoundeye.records import EyeError

TOKEN = "a token of more than sixteen"


@pytest.fixture(scope="module")
def kept() -> str:
    return hashed("correct horse battery")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.3.2.1"])
def test_on_loopback_nobody_needs_a_secret(host: str) -> None:
    access, made = access_rules(host, 8765)
    assert (access.open, access.private, made) == (True, True, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "gpu-box", ""])
def test_elsewhere_a_token_is_made_where_none_is_given(host: str) -> None:
    access, made = access_rules(host, 8765)
    assert made is not None
    assert (access.open, access.private) == (False, False)
    assert access.is_token(made)
    assert not access.is_token(made[:-1])
    assert made not in repr(access)
    assert access_rules(host, 8765)[1] != made


def test_a_proxy_or_a_name_makes_loopback_public() -> None:
    behind, made = access_rules("127.0.0.1", 8765, behind="https://eye.example.org")
    assert (behind.open, behind.secure, made is None) == (False, True, False)
    named, made = access_rules("127.0.0.1", 8765, names=["Eye.Example.org"])
    assert (named.open, named.answers_to("eye.example.org:8765"), made is None) == (False, True, False)
    plain, _ = access_rules("127.0.0.1", 8765, behind="http://eye.example.org")
    assert (plain.secure, plain.private) == (False, False)


def test_a_secret_that_was_given_is_not_shown_again(tmp_path: Path) -> None:
    assert access_rules("0.0.0.0", 8765, token=TOKEN)[1] is None
    file = tmp_path / "password"
    file.write_text("correct horse battery\nand a second line\n")
    file.chmod(0o600)
    access, made = access_rules("0.0.0.0", 8765, password_file=file)
    assert made is None
    assert access.password is not None
    assert matches(access.password, "correct horse battery")
    assert "horse" not in repr(access)


def test_a_token_on_loopback_shuts_out_other_users_of_the_machine() -> None:
    access, _ = access_rules("127.0.0.1", 8765, token=TOKEN)
    assert (access.open, access.private) == (False, True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"token": "short"}, "at least 16 characters, this one has 5"),
        ({"behind": "eye.example.org"}, "--behind takes an address without a path"),
        ({"behind": "javascript:alert(1)"}, "--behind takes an address without a path"),
        ({"behind": "https://example.org/eye"}, "--behind takes an address without a path"),
        ({"password_file": Path("/no/such/file")}, "cannot read the password in /no/such/file"),
    ],
    ids=str,
)
def test_a_mistake_is_one_sentence(options: dict[str, object], told: str) -> None:
    with pytest.raises(EyeError, match=told):
        access_rules("0.0.0.0", 8765, **options)  # type: ignore[arg-type]


def test_a_password_is_one_and_nobody_else_reads_it(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse battery\n")
    file.chmod(0o644)
    with pytest.raises(EyeError, match="others may read"):
        read_password(file)
    file.write_text(kept)  # a hash is no secret
    assert read_password(file) == kept
    file.chmod(0o600)
    for text in ("", "\nsecond line", "seven c", "x" * (LONGEST + 1)):
        file.write_text(text)
        with pytest.raises(EyeError, match="a password has 8 to"):
            read_password(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EyeError, match="cannot read the password"):
        read_password(file)


def test_a_password_is_kept_as_argon2id_with_salt(kept: str) -> None:
    assert kept.startswith("$argon2id$")
    assert hashed("correct horse battery") != kept
    assert matches(kept, "correct horse battery")
    for wrong in ("", "correct horse batter", "Correct horse battery", "x" * (LONGEST + 1), "\udcff"):
        assert not matches(kept, wrong)
    assert not matches("$argon2id$broken", "correct horse battery")


def test_a_flood_of_checks_is_refused_and_not_kept_waiting(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checking, finish = threading.Semaphore(0), threading.Event()

    class Slow:
        def verify(self, _: str, password: bytes) -> bool:
            checking.release()
            return finish.wait(60) and password == b"right"

    monkeypatch.setattr(_secrets, "_hasher", Slow())
    monkeypatch.setattr(_secrets, "_turn", threading.BoundedSemaphore(IN_LINE))
    with ThreadPoolExecutor(IN_LINE) as threads:
        waiting = [threads.submit(matches, kept, "right") for _ in range(IN_LINE)]
        for _ in waiting:
            assert checking.acquire(timeout=60)
        with pytest.raises(TooMany, match="many are signing in"):
            matches(kept, "right")
        finish.set()
        assert all(one.result() for one in waiting)
    assert matches(kept, "right")


def test_letters_are_the_same_however_they_were_typed() -> None:
    assert matches(hashed("Stra\u00dfe caf\u00e9"), "Stra\u00dfe cafe\u0301")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    monkeypatch.delitem(sys.modules, "compoundeye.console._secrets")
    with pytest.raises(EyeError, match=r"pip install 'compoundeye\[console\]'"):
        access_rules("127.0.0.1", 8765)
