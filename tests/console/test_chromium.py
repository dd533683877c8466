"""The browser of the tests: installed where that needs nobody, said where it cannot be, started once a process."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "scripts" / "chromium"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs that is all there is: no Chromium, an apt-get that writes down what it is asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "env"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    program(folder, "apt-get", f'echo "$@" >> {tmp_path}/asked; exit "$(cat {tmp_path}/fails 2>/dev/null || echo 0)"')
    program(folder, "id", "echo 0")
    return folder


def program(folder: Path, name: str, does: str) -> None:
    (folder / name).write_text(f"#!{shutil.which('sh')}\nPATH=/usr/bin:/bin\n{does}\n")
    (folder / name).chmod(0o755)


def ran(machine: Path) -> tuple[list[str], list[str]]:
    """Lines that it told, and what apt-get was asked."""
    done = subprocess.run([SCRIPT], env={"PATH": str(machine)}, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    asked = machine.parent / "asked"
    return done.stderr.splitlines(), asked.read_text().splitlines() if asked.exists() else []


def test_what_is_there_is_not_installed(machine: Path) -> None:
    program(machine, "chromium", "exit 1")
    assert ran(machine) == ([], [])


def test_root_installs_it_with_one_line(machine: Path) -> None:
    told, asked = ran(machine)
    assert told == ["installing Chromium for the tests of pages"]
    assert asked == ["-qq install --no-install-recommends chromium"]


def test_lists_that_are_missing_are_fetched_and_a_failure_is_told(machine: Path) -> None:
    (machine.parent / "fails").write_text("100")
    told, asked = ran(machine)
    assert told[-1] == "apt could not: tests of pages are skipped"
    assert [one.split()[1] for one in asked] == ["install", "update", "install"]


@pytest.mark.parametrize("sudo", [None, "exit 1"], ids=["no sudo", "sudo wants a password"])
def test_nobody_is_asked_for_a_password(machine: Path, sudo: str | None) -> None:
    program(machine, "id", "echo 1000")
    if sudo:
        program(machine, "sudo", sudo)
    told, asked = ran(machine)
    assert len(told) == 1
    assert "tests of pages are skipped" in told[0]
    assert asked == []


def test_sudo_without_a_password_will_do(machine: Path) -> None:
    program(machine, "id", "echo 1000")
    program(machine, "sudo", f'[ "$1" = -n ] || exit 1; shift; PATH={machine}; exec "$@"')
    program(machine, "true", "exit 0")
    told, asked = ran(machine)
    assert told == ["installing Chromium for the tests of pages"]
    assert asked == ["-qq install --no-install-recommends chromium"]


def test_one_driver_a_process() -> None:
    """A second one beside it fails with words that do not tell why: take `page` or `chromium` of browser.py."""
    starts = [path.name for path in HERE.glob("*.py") if "sync_playwright" in path.read_text("utf-8")]
    assert sorted(starts) == ["browser.py", Path(__file__).name]
