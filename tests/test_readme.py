"""What the README and the docs claim resolves to real files, commands, options and functions."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

import compoundeye as ce
from compoundeye.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FOLDERS = ("src", "docs", "scripts", "tests", "benchmarks", ".ci")


def blocks(path: Path, language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(path.read_text()) if name == language]


def commands() -> list[tuple[str, str]]:
    """Every `eye ...` line of a shell block, with or without its prompt, comments and pipes cut off."""
    found = []
    for path in DOCUMENTS:
        text = "\n".join(blocks(path, "sh") + blocks(path, "console"))
        for line in text.replace("\\\n", " ").splitlines():
            if line.removeprefix("$ ").startswith("eye "):
                words = shlex.split(line.removeprefix("$ "), comments=True)
                cut = next((index for index, word in enumerate(words) if word in {"|", ">", "&&"}), len(words))
                found.append((path.name, shlex.join(words[1:cut])))
    return sorted(set(found))


def paths() -> list[tuple[str, str]]:
    """Every path of this repository that a document names, in code or as a link."""
    found = set[tuple[str, str]]()
    for path in DOCUMENTS:
        text = path.read_text()
        for quoted in re.findall(r"`([^`\s]+)`", text):
            if quoted.split("/")[0] in FOLDERS and "/" in quoted and "*" not in quoted:
                found.add((path.name, quoted))
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            found.add((path.name, str((path.parent / link).resolve().relative_to(ROOT))))
    return sorted(found)


def test_there_is_something_to_check() -> None:
    assert len(commands()) >= 8
    assert len(paths()) >= 8
    assert blocks(ROOT / "README.md", "python")


@pytest.mark.parametrize(("document", "line"), commands())
def test_a_documented_command_is_understood(document: str, line: str) -> None:
    group: Any = get_command(app)
    words = shlex.split(line)
    try:
        name, command, rest = "eye", group, words
        while isinstance(command, TyperGroup):
            context = command.make_context(name, list(rest))
            name, command, rest = command.resolve_command(context, list(rest))
        command.make_context(name, rest)
    except typer.Exit:
        pass  # --help and --version have answered
    except typer.TyperException as error:
        pytest.fail(f"{document}: `eye {line}` is not understood: {error.format_message()}")


@pytest.mark.parametrize(("document", "path"), paths())
def test_a_documented_path_exists(document: str, path: str) -> None:
    assert (ROOT / path).exists(), f"{document} names {path}, which is not there"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documented_python_calls_what_is_there_with_the_arguments_it_takes(path: Path) -> None:
    for text in blocks(path, "python"):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                exec(compile(ast.Module([node], []), path.name, "exec"), {})
            function = _function(node.func) if isinstance(node, ast.Call) else None
            if function is not None:
                assert isinstance(node, ast.Call)
                named = {word.arg: None for word in node.keywords if word.arg}
                inspect.signature(function).bind(*node.args, **named)


def _function(node: ast.expr) -> Any:
    """What ``ce.name`` stands for; None for calls of anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ce":
        return getattr(ce, node.attr)
    return None
