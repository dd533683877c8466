"""A hardware file written: whole or not at all, in the form that is read again."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Figure = Mapping[str, Any]
"""``value`` (a number or pairs of numbers), or ``floor`` and ``limit``; and ``source``."""
Tables = Mapping[str, Mapping[str, Figure | str]]
"""By table (``accelerator``, ``accelerator.peak``, ``node``, ``network``): figures by name, names of networks."""


def write(path: Path, heading: Mapping[str, str], sources: Mapping[str, str], tables: Tables) -> None:
    """Write a file that ``read`` of ``_hardware_file`` understands; ``sources`` by name, told of once."""
    lines = [f"{key} = {_text(value)}" for key, value in heading.items()]
    lines += ["", "[sources]", *(f"{key} = {_text(value)}" for key, value in sources.items())]
    named = {text: key for key, text in sources.items()}
    for table, figures in tables.items():
        lines += ["", f"[{table}]"]
        lines += [f"{key} = {_figure(figure, named)}" for key, figure in figures.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.stem}.", suffix=".unfinished", delete=False
    ) as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def _figure(figure: Figure | str, named: Mapping[str, str]) -> str:
    if isinstance(figure, str):
        return _text(figure)
    figure = {**figure, "source": named.get(figure["source"], figure["source"])}
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in figure.items()) + " }"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return f"{value:.6g}"


def _text(text: str) -> str:
    """A basic string of TOML, which a string of JSON is too (but for the one character that only TOML escapes)."""
    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007F")
