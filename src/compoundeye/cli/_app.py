"""The table of commands, and what happens when one of them fails."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from compoundeye.cli._output import printable
from compoundeye.records import EyeError

REPORT = "This is a defect of CompoundEye, not a mistake of yours: please report it with the lines above."
INTERRUPTED = "interrupted: what is done is kept; run the same command again to go on"
EXIT_MISTAKE, EXIT_INTERRUPTED = 1, 130  # 130 = 128 + SIGINT, what shells expect


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `eye --help`; the command is the function ``name`` of module ``compoundeye.cli._name``."""

    group: str
    summary: str


COMMANDS = {
    "ingest": Entry("Keep", "Put pictures into a corpus, each one once."),
    "account": Entry("Keep", "What became of every input: stored, duplicate or failed, and why."),
    "compact": Entry("Keep", "Join small fragments, drop old versions and what killed jobs left behind."),
    "categorise": Entry("Categorise", "Say what each picture shows, or abstain."),
    "models": Entry("Categorise", "The catalogue: task, size, licence, metric, where from, present here or not."),
    "search": Entry("Find", "Find pictures: like one, by category, date, size, words and SQL."),
    "duplicates": Entry("Find", "Near-duplicates in groups, the best copy of each first."),
    "correct": Entry("Fix", "Record a person's label for pictures."),
    "show": Entry("Out", "A contact sheet of pictures as one PNG or JPEG."),
    "gallery": Entry("Out", "A corpus as one HTML page to look through."),
    "export": Entry("Out", "Hand pictures and labels to training and other tools."),
}


class _Commands(TyperGroup):
    """Shows the table above without importing a command, and imports the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in COMMANDS.items():
            self.add_command(TyperCommand(name, help=entry.summary, rich_help_panel=entry.group))

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
