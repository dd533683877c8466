"""The house stays as docs/architecture.md draws it: who may import whom, what is public, how long a file may be."""

from __future__ import annotations

import ast
import graphlib
import inspect
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "compoundeye"
MAX_LINES = 600

MAY_IMPORT = {
    "records": set[str](),
    "pixels": {"records"},
    "cluster": {"records"},
    "evaluate": {"records"},
    "models": {"records", "pixels"},
    "corpus": {"records", "pixels", "models", "cluster"},
    "categorise": {"records", "pixels", "models", "corpus", "cluster", "evaluate"},
    "capacity": {"records", "pixels", "models", "corpus", "cluster", "evaluate", "categorise"},
    "nets": {"records", "models"},
    "runs": {"records", "pixels", "models", "corpus", "evaluate"},
    "train": {"records", "pixels", "models", "corpus", "cluster", "evaluate", "capacity", "nets", "runs"},
}
MAY_IMPORT["plan"] = set(MAY_IMPORT)
MAY_IMPORT["events"] = {"records"}
MAY_IMPORT["video"] = {"records", "pixels", "models", "evaluate", "events"}
APPS = sorted(path.parent.name for path in (PACKAGE / "apps").glob("*/__init__.py"))
MAY_IMPORT["apps"] = MAY_IMPORT["video"] | {"video", "cluster", "corpus", "categorise"}
MAY_IMPORT |= {f"apps.{app}": MAY_IMPORT["apps"] for app in APPS}  # none knows another
MAY_IMPORT["console"] = set(MAY_IMPORT)
MAY_IMPORT["cli"] = set(MAY_IMPORT)
ROOMS = sorted(
    [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    + [f"apps.{app}" for app in APPS]
)
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = [path for path in SOURCES if path.parent != PACKAGE]
EVERY_FILE = [path for folder in ("src", "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    return _split(list(path.relative_to(PACKAGE).parts[:-1]))[0]


def _split(inside: list[str]) -> tuple[str, list[str]]:
    """The room that a dotted name is in, and what it names there. A folder of ``apps`` is a room of its own."""
    at = 2 if inside[0] == "apps" and len(inside) > 1 and inside[1] in APPS else 1
    return ".".join(inside[:at]), inside[at:]


def imported(path: Path, *, at_load_only: bool = False) -> set[str]:
    """Dotted names of this package that a file imports, relative imports resolved."""
    tree = ast.parse(path.read_text())
    nodes = _run_at_load(tree) if at_load_only else ast.walk(tree)
    names = set[str]()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            parents = path.relative_to(PACKAGE.parent).parts[: -node.level]
            names.add(".".join([*parents, *([node.module] if node.module else [])]))
        elif isinstance(node, ast.ImportFrom) and node.module == "compoundeye":
            names.update(f"compoundeye.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name for name in names if name.split(".")[0] == "compoundeye"}


def _run_at_load(tree: ast.Module) -> list[ast.stmt]:
    """Statements that importing a module runs: not those in functions or under TYPE_CHECKING."""
    found, waiting = list[ast.stmt](), list(tree.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))
    return found


def test_every_room_is_in_the_table_and_the_table_has_no_circle() -> None:
    assert set(ROOMS) == set(MAY_IMPORT)
    graphlib.TopologicalSorter(MAY_IMPORT).prepare()  # CycleError otherwise


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_point_up_the_table_and_only_through_front_doors(path: Path) -> None:
    room = room_of(path)
    for name in imported(path):
        _, *inside = name.split(".")
        assert inside, f"{shown(path)} imports the whole package; import from a room"
        if inside == ["__version__"]:
            continue
        target, private = _split(inside)
        if target == room:
            assert private, f"{shown(path)} imports its own room's front door, which imports it"
        else:
            assert target in MAY_IMPORT[room], f"{shown(path)} imports {target}, which {room} may not"
            assert not private, f"{shown(path)} imports {name}, which is private to {target}"


def test_no_two_modules_need_each_other_to_load() -> None:
    def dotted(path: Path) -> str:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    graph = {dotted(path): imported(path, at_load_only=True) - {dotted(path)} for path in MODULES}
    graphlib.TopologicalSorter(graph).prepare()  # CycleError otherwise


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_modules_are_private_and_say_what_they_are(path: Path) -> None:
    assert path.stem.startswith("_"), f"{shown(path)} should be _{path.name}: public names go through __init__"
    assert not {"utils", "util", "helpers", "common", "misc"} & set(path.stem.split("_")), f"{shown(path)} has no idea"
    assert ast.get_docstring(ast.parse(path.read_text())), f"{shown(path)} has no docstring"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_states_its_guarantee_cost_and_limit_and_exports_what_it_says(room: str) -> None:
    module = import_module(f"compoundeye.{room}")
    text = module.__doc__ or ""
    for word in ("Guarantee:", "Cost:", "Limit:"):
        assert word in text, f"the docstring of {room} does not state its {word}"
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert not name.startswith("_")
        assert hasattr(module, name), f"{room}.__all__ names {name}, which is not there"


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_documented(room: str) -> None:
    module = import_module(f"compoundeye.{room}")
    for name in module.__all__:
        value = getattr(module, name)
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        node = _definition(value)
        assert ast.get_docstring(node), f"{room}.{name} has no docstring"
        for method in ast.iter_child_nodes(node) if inspect.isclass(value) else ():
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                assert ast.get_docstring(method), f"{room}.{name}.{method.name} has no docstring"


def _definition(value: object) -> ast.ClassDef | ast.FunctionDef:
    """Where a name is written: ``__doc__`` would do, had dataclasses no docstring of their own."""
    value = inspect.unwrap(value)  # type: ignore[arg-type]  # a decorator of another package stands around it
    path = inspect.getsourcefile(value)  # type: ignore[arg-type]
    assert path is not None
    name = value.__name__  # type: ignore[attr-defined]
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return node
    raise AssertionError(f"{name} is not written in {path}")


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_tests_beside_it(room: str) -> None:
    assert list((ROOT / "tests" / room.replace(".", "/")).glob("test_*.py")), f"tests/{room} has no test"


@pytest.mark.parametrize("path", EVERY_FILE, ids=shown)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_LINES, f"{shown(path)} has {lines} lines; it holds more than one idea"


def test_the_package_says_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
