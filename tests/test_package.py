"""`import compoundeye as ce` is quick, and every name it promises is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import compoundeye as ce


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("name", ce.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    assert callable(getattr(ce, name))
    assert name in dir(ce)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(ce.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    seen |= {name.id for node in block.body if isinstance(node, ast.Assign) for name in node.targets}  # type: ignore[attr-defined]
    assert seen == set(ce.__all__)


def test_importing_it_loads_no_room_and_no_heavy_library() -> None:
    loaded = run("import sys, compoundeye; print(*sys.modules)").split()
    assert "compoundeye" in loaded
    assert not [name for name in loaded if name.startswith(("compoundeye.", "numpy", "lance", "openvino", "PIL"))]


def test_categorise_is_the_function_even_after_its_room_was_imported() -> None:
    code = "import compoundeye.categorise, compoundeye as ce; print(type(ce.categorise).__name__)"
    assert run(code).strip() == "function"


def test_a_room_can_be_reached_by_name() -> None:
    assert run("import compoundeye.records; print(compoundeye.records.__name__)").strip() == "compoundeye.records"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ingset'"):
        ce.ingset  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    assert ce.__version__.count(".") == 2
