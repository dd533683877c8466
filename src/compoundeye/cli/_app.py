"""The table of commands, and what happens when one of them fails."""

from __future__ import annotations

import ast
import re
import sys
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
    "track": "Watch",
    "evaluate": "Watch",
    "console": "Look",
    "show": "Out",
    "gallery": "Out",
    "export": "Out",
}
"""Each command under its group in `eye --help`; it is the function of its name in the module of its name here."""


class _Commands(TyperGroup):
    """Shows the table above without importing a command, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, group in COMMANDS.items():
            self.add_command(TyperCommand(name, help=_summary(name), rich_help_panel=group))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, shown, rest = super().resolve_command(ctx, args)
        return (name, shown, rest) if shown is None else (name, _load(str(shown.name)), rest)

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
    tree = ast.parse(Path(__file__).with_name(f"_{name}.py").read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    first = (ast.get_docstring(function) or "").split("\n\n")[0]
    return re.split(r"(?<=\.)\s", first, maxsplit=1)[0]


def _load(name: str) -> Any:
    """The real command: importing it is what costs time, so only the one that was asked for is."""
    function = getattr(import_module(f"compoundeye.cli._{name}"), name)
    single = typer.Typer(add_completion=False, rich_markup_mode="rich")
    single.command(name, context_settings={"help_option_names": ["-h", "--help"]})(function)
    return get_command(single)


app = typer.Typer(
    name="eye",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
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
