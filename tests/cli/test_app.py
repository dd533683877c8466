"""The frame of `eye`: quick help, one sentence for a mistake, a traceback for a defect."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import pytest
import typer
from typer.testing import CliRunner

from compoundeye import cli
from compoundeye.cli import COMMANDS, GROUPS, app
from compoundeye.records import EyeError

EVERY = sorted([*COMMANDS, *(f"{group} {verb}" for group, verbs in GROUPS.items() for verb in verbs)])
"""Every command as it is typed, verbs after their group."""


def module(name: str) -> str:
    """The file of a command, without its end."""
    return "_" + re.sub("[ -]", "_", name)


def eye(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from compoundeye.cli import main; sys.argv[0] = 'eye'; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def failing_with(error: BaseException) -> Callable[[str], object]:
    """A stand-in for the loader of commands: whatever is called fails like this."""

    def command() -> NoReturn:
        raise error

    single = typer.Typer(add_completion=False)
    single.command()(command)
    return lambda _name: typer.main.get_command(single)


def test_help_lists_every_command_under_its_group() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name, group in COMMANDS.items():
        assert re.search(rf"─ {group} ─", shown.stdout)
        assert re.search(rf"│ {name} ", shown.stdout)


def test_help_loads_no_room_and_no_heavy_library() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom compoundeye.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\nprint(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = ("numpy", "lance", "pyarrow", "openvino", "onnx", "PIL", "cv2")
    rooms = tuple(f"compoundeye.{room}" for room in ("pixels", "models", "corpus", "categorise", "console", "cluster"))
    assert [name for name in loaded if name.split(".")[0] in heavy or name.startswith(rooms)] == []


def test_every_command_is_in_the_table() -> None:
    frame = {"_app", "_output", "_plan_report", "_progress", "_progress_file", "_training", "_watching"}
    frame |= {"_face_det", "_face_gallery", "__init__", "__main__"}
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - frame
    assert files == {module(name) for name in EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_a_command_says_what_it_does_with_an_example(name: str) -> None:
    *above, own = name.split()
    function = getattr(import_module(f"compoundeye.cli.{module(name)}"), own.replace("-", "_"))
    text = inspect.getdoc(function) or ""
    listed = " ".join(re.findall(r"[^│╭╰╮╯─\s]+", CliRunner().invoke(app, [*above, "--help"]).stdout))
    assert f"{own} {' '.join(text.split('.')[0].split())}" in listed
    shown = CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert f"eye {name}" in text
    assert f"eye {name}" in shown.stdout.replace(f"Usage: eye {name}", "")


@pytest.mark.parametrize("name", sorted(set(EVERY) - set(GROUPS)))
def test_every_command_that_prints_a_result_takes_json(name: str) -> None:
    assert "--json" in CliRunner().invoke(app, [*name.split(), "--help"]).stdout


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_a_group_teaches_its_verbs_and_guesses_them(name: str) -> None:
    shown = CliRunner().invoke(app, [name])
    assert shown.exit_code == 2
    for verb, panel in GROUPS[name].items():
        assert re.search(rf"─ {panel} ─", shown.output)
        assert re.search(rf"│ {verb} ", shown.output)
    first = next(iter(GROUPS[name]))
    wrong = CliRunner().invoke(app, [name, first[:-1]])
    assert wrong.exit_code == 2
    assert f"Did you mean '{first}'" in wrong.stderr


def test_without_arguments_it_teaches() -> None:
    shown = CliRunner().invoke(app, [])
    assert shown.exit_code == 2
    assert "Start with: eye ingest" in shown.output


def test_version() -> None:
    assert re.fullmatch(r"compoundeye \d+\.\d+\.\d+\n", CliRunner().invoke(app, ["--version"]).stdout)


def test_a_mistyped_command_is_guessed() -> None:
    shown = CliRunner().invoke(app, ["serch"])
    assert shown.exit_code == 2
    assert "Did you mean 'search'" in shown.stderr


def test_a_mistake_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.cli._app._load", failing_with(EyeError("no corpus at /x\x1b[2J; make one")))
    shown = CliRunner().invoke(app, ["account"])
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr == "error: no corpus at /x\\x1b[2J; make one\n"


def test_an_interrupt_says_that_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.cli._app._load", failing_with(KeyboardInterrupt()))
    shown = CliRunner().invoke(app, ["ingest"])
    assert shown.exit_code == 130
    assert "run the same command again" in shown.stderr


def test_a_defect_keeps_its_traceback_and_asks_for_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.cli._app._load", failing_with(ZeroDivisionError("by us")))
    with pytest.raises(ZeroDivisionError) as caught:
        CliRunner().invoke(app, ["search"], catch_exceptions=False)
    assert any("please report" in note for note in caught.value.__notes__)


def test_a_usage_error_is_no_defect() -> None:
    shown = eye("models", "--no-such-option")
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    assert "please report" not in shown.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="pipes that close early are a POSIX habit")
def test_a_reader_that_leaves_early_is_no_defect() -> None:
    """As in `eye models --json | head -n 0`."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "from compoundeye.cli import main; import sys; sys.argv = ['eye', 'models', '--json']; main()"
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
