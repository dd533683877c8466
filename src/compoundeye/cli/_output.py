"""What commands print: JSON or tables on stdout, progress and notes on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from os import PathLike, fspath
from typing import Any

CONTROL = {code: f"\\x{code:02x}" for code in [*range(0x20), *range(0x7F, 0xA0)]}
"""A file name may carry escape sequences that repaint a terminal: C0 and C1 controls (ISO/IEC 6429) are spelt out."""


def printable(text: str) -> str:
    """``text`` on one line, safe for a terminal."""
    return text.translate(CONTROL)


def print_json(value: Any) -> None:
    """Print ``value`` on stdout as JSON (RFC 8259): ids in hexadecimal, times in ISO 8601, NaN as null."""
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """``value`` made of what JSON knows.

    Raises:
        TypeError: it holds something that has no plain form.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return plain(value.as_dict() if hasattr(value, "as_dict") else asdict(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PathLike):
        return fspath(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    raise TypeError(f"no plain form for {type(value).__name__}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print rows on stdout under their headings; numbers to the right, all text shown as it is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    kept = [list(row) for row in rows]
    table = Table(
        title=None if title is None else Text(printable(title)), title_justify="left", box=None, pad_edge=False
    )
    for index, name in enumerate(columns):
        numeric = {type(row[index]) for row in kept} - {type(None)} in ({int}, {float}, {int, float})
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold", no_wrap=index == 0)
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    # A pipe or a file has no width: give every row its one line.
    console = Console(width=10_000, highlight=False)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return printable(str(value))


def say(text: str) -> None:
    """One line of a result, on stdout."""
    print(printable(text))


def note(text: str) -> None:
    """One line for the person at the terminal, on stderr."""
    print(printable(text), file=sys.stderr)


def duration(seconds: float | None) -> str | None:
    """A time that people compare: 45 s, 3:20, 5 h 02 min, 3 d 4 h."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
