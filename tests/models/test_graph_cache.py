"""A graph that is kept is the graph that would be built."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compoundeye.models._graph_cache import cached_graph

RECIPE = ("_efficientnet.py", "_onnx.py")


class Builder:
    def __init__(self, graph: bytes = b"graph") -> None:
        self.graph = graph
        self.runs = 0

    def __call__(self) -> bytes:
        self.runs += 1
        return self.graph


def test_a_graph_is_built_once(tmp_path: Path) -> None:
    builder = Builder()
    assert [cached_graph(tmp_path / "a.onnx", builder, RECIPE) for _ in range(3)] == [b"graph"] * 3
    assert builder.runs == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx", "a.onnx.sha256"}


@pytest.mark.parametrize("name", ["a.onnx", "a.onnx.sha256"])
@pytest.mark.parametrize("damage", [b"", b"another graph"])
def test_what_was_damaged_is_built_again(tmp_path: Path, name: str, damage: bytes) -> None:
    builder = Builder()
    cached_graph(tmp_path / "a.onnx", builder, RECIPE)
    (tmp_path / name).write_bytes(damage)
    assert cached_graph(tmp_path / "a.onnx", builder, RECIPE) == b"graph"
    assert cached_graph(tmp_path / "a.onnx", builder, RECIPE) == b"graph"
    assert builder.runs == 2


def test_changed_code_builds_again(tmp_path: Path) -> None:
    old, new = Builder(b"old"), Builder(b"new")
    cached_graph(tmp_path / "a.onnx", old, RECIPE[:1])
    assert cached_graph(tmp_path / "a.onnx", new, RECIPE) == b"new"


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    builder = Builder()
    for _ in range(2):
        assert cached_graph(tmp_path / "missing" / "a.onnx", builder, RECIPE) == b"graph"
    assert builder.runs == 2


def test_many_at_once_all_get_it_whole(tmp_path: Path) -> None:
    builder = Builder(b"graph" * 100_000)
    with ThreadPoolExecutor(8) as pool:
        graphs = list(pool.map(lambda _: cached_graph(tmp_path / "a.onnx", builder, RECIPE), range(16)))
    assert set(graphs) == {builder.graph}
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx", "a.onnx.sha256"}
