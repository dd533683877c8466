"""The table of commands, and what happens when one of them fails."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from compoundeye.cli._output import printable
from compoundeye.records import EyeError

REPORT = "This is a defect of CompoundEye, not a mistake of yours: please report it with the lines above."
INTERRUPTED = "interrupted: what is done is kept; run the same command again to go on"
EXIT_MISTAKE, EXIT_INTERRUPTED = 1, 130  # 130 = 128 + SIGINT, what shells expect
_HELP = {"help_option_names": ["-h", "--help"]}


COMMANDS = {
    "ingest": "Keep",
    "account": "Keep",
    "compact": "Keep",
    "categorise": "Categorise",
    "models": "Categorise",
    "search": "Find",
    "duplicates": "Find",
    "correct": "Fix",
    "plan": "Train",
    "train": "Train",
    "runs": "Train",
    "benchmark": "Plan",
    "watch": "Watch",
    "events": "Watch",
    "report": "Watch",
    "track": "Watch",
    "evaluate": "Watch",
    "face": "Faces",
    "console": "Look",
    "show": "Out",
    "gallery": "Out",
    "export": "Out",
}
"""Each command under its panel in `eye --help`; it is the function of its name in the module of its name here."""

GROUPS = {
    "face": {
        "detect": "Look",
        "compare": "Look",
        "blur": "Look",
        "enrol": "Gallery",
        "identify": "Gallery",
        "group": "Gallery",
        "people": "Gallery",
        "watch": "Gallery",
        "name": "Who is who",
        "merge": "Who is who",
        "split": "Who is who",
        "not-this-person": "Who is who",
        "forget": "Rights",
        "export": "Rights",
        "audit": "Rights",
        "evaluate": "Measure",
    },
}
"""Commands that are groups of verbs, each verb under its panel: `eye face detect` is ``detect`` in ``_face_detect``."""


class _Verbs(TyperGroup):
    """Shows a table of commands without importing one, and imports the one that is called."""

    table: Mapping[str, str]
    above = ""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, panel in self.table.items():
            self.add_command(TyperCommand(name, help=_summary(self.above + name), rich_help_panel=panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, shown, rest = super().resolve_command(ctx, args)
        return (name, shown, rest) if shown is None else (name, _load(f"{self.above}{shown.name}"), rest)


class _Commands(_Verbs):
    """All of `eye`, and what happens when one of them fails."""

    table = COMMANDS

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EyeError as mistake:
            print(f"error: {printable(str(mistake))}", file=sys.stderr)
            raise typer.Exit(EXIT_MISTAKE) from mistake
        except KeyboardInterrupt as stop:
            print(f"\n{INTERRUPTED}", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from stop
        except (typer.TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise  # Typer's own signals; a reader that left, as `head` does, is no mistake
        except Exception as defect:
            defect.add_note(REPORT)
            raise


def _summary(name: str) -> str:
    """The first sentence of a command's docstring, read without running it."""
    module, function = _place(name)
    tree = ast.parse(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))
    node = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    first = (ast.get_docstring(node) or "").split("\n\n")[0]
    return re.split(r"(?<=\.)\s", first, maxsplit=1)[0]


def _place(name: str) -> tuple[str, str]:
    """The module and the function of a command: "face not-this-person" is in _face_not_this_person."""
    words = name.replace("-", "_").split()
    return "_" + "_".join(words), words[-1]


def _load(name: str) -> Any:
    """The real command: importing it is what costs time, so only the one that was asked for is."""
    module, function = _place(name)
    run = getattr(import_module(f"compoundeye.cli.{module}"), function)
    if name in GROUPS:
        verbs = type("_Group", (_Verbs,), {"table": GROUPS[name], "above": f"{name} "})
        several = typer.Typer(cls=verbs, add_completion=False, rich_markup_mode="rich")
        several.callback(no_args_is_help=True, context_settings=_HELP)(run)
        return get_command(several)
    single = typer.Typer(add_completion=False, rich_markup_mode="rich")
    single.command(name.split()[-1], context_settings=_HELP)(run)
    return get_command(single)


app = typer.Typer(
    name="eye",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=_HELP,
    epilog="Start with: eye ingest ~/Pictures corpus.lance && eye categorise corpus.lance",
)


def _version(asked: bool) -> None:
    if asked:
        from compoundeye import __version__

        print(f"compoundeye {__version__}")
        raise typer.Exit


@app.callback()
def _eye(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Keep, categorise and search pictures, from ten to billions."""


def main() -> None:
    """Run the `eye` command and exit."""
    # File names may hold bytes that are not text: show them escaped rather than stop.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app()
