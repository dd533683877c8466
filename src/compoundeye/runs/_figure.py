"""A figure of matplotlib for any names: without a display, without global state, without warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compoundeye.runs._error import RunError
from compoundeye.runs._whole import write_whole

_WIDE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Droid Sans Fallback",
    "Unifont",
)
"""With letters that matplotlib's own has not; those of them that are installed are used."""


def draw_figure(out: Path, size: tuple[float, float], draw: Callable[[Any], None]) -> None:
    """Make a figure, let it be drawn upon, and write it: .png, .svg or .pdf, whole or not at all.

    Args:
        size: width and height in inches of 120 pixels.
        draw: gets the figure.

    Raises:
        RunError: matplotlib is not installed, or nothing can be written there.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.font_manager import fontManager
    except ImportError:
        raise RunError("pictures need matplotlib, which is not installed: pip install matplotlib") from None
    installed = {font.name for font in fontManager.ttflist}
    fonts = ["DejaVu Sans", *(name for name in _WIDE_FONTS if name in installed)]
    with rc_context({"font.family": fonts}), _no_word_of_missing_letters():
        figure = Figure(figsize=size, dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_whole(out, lambda part: figure.savefig(part, format=out.suffix[1:].lower()))
        except OSError as error:
            raise RunError(f"cannot write {out}: {error.strerror or error}; give another place with -o") from error


def lettering(text: str, longest: int) -> str:
    """A name as a figure can show it: on one line, its middle left out if it is long, and "$" no mathematics."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    if len(line) > longest:
        tail = longest // 3
        line = f"{line[: longest - tail - 3]}...{line[len(line) - tail :]}"
    return line.replace("$", r"\$")


@contextmanager
def _no_word_of_missing_letters() -> Iterator[None]:
    """Letters that no font has are boxes: the person at the terminal can do nothing with a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
