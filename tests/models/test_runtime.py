"""One interface over the runtimes, and clear words where one is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.models import WeightsError, load
from compoundeye.models._efficientnet import efficientnet_graph
from compoundeye.models._litert import LiteRT
from compoundeye.models._openvino import OpenVINO
from compoundeye.models._runtime import in_parts, open_onnx
from compoundeye.records import EyeError

Array = npt.NDArray[Any]


@given(st.integers(1, 60), st.lists(st.integers(2, 16), max_size=3))
def test_parts_put_together_are_the_whole(count: int, larger: list[int]) -> None:
    sizes = [*sorted(larger, reverse=True), 1]
    lengths: list[int] = []

    def run(part: Array) -> dict[str, Array]:
        lengths.append(len(part))
        return {"double": part * 2, "first": part[:, 0]}

    batch = np.arange(count * 3).reshape(count, 3)
    found = in_parts(batch, sizes, run)
    np.testing.assert_array_equal(found["double"], batch * 2)
    np.testing.assert_array_equal(found["first"], batch[:, 0])
    assert set(lengths) <= set(sizes)
    assert sum(lengths) == count
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("sizes", [(1,), (3, 1), (8, 2, 1)])
def test_the_size_of_a_run_changes_no_answer(tiny_lite: dict[str, Array], sizes: tuple[int, ...]) -> None:
    graph = efficientnet_graph(tiny_lite, 32).SerializeToString()
    batch = np.random.default_rng(0).integers(0, 256, (13, 32, 32, 3), np.uint8)
    expected = OpenVINO(graph, "fp32", 1)(batch)
    found = OpenVINO(graph, "fp32", 1, sizes)(batch)
    for name in ("embedding", "logits"):
        np.testing.assert_array_equal(found[name], expected[name])


def test_more_threads_give_the_same_answer_within_rounding(tiny_lite: dict[str, Array]) -> None:
    graph = efficientnet_graph(tiny_lite, 32).SerializeToString()
    batch = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)
    one, two = (open_onnx(graph, threads=threads)(batch)["logits"] for threads in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(EyeError, match="OpenVINO cannot read this network"):
        open_onnx(b"not a graph")


@pytest.mark.parametrize(
    ("package", "asked", "message"),
    [
        ("onnxruntime", {"runtime": "onnxruntime"}, r"needs ONNX Runtime, .* pip install"),
        (
            "ai_edge_litert",
            {"name": "efficientnet-lite0-int8"},
            r"needs LiteRT, .* pip install 'compoundeye\[litert\]'",
        ),
    ],
)
def test_a_missing_runtime_says_how_to_get_it(
    package: str, asked: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EyeError, match=message):
        load(**asked)  # type: ignore[arg-type]


def test_a_runtime_without_gpu_support_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EyeError, match=r"has no GPU support: pip install 'compoundeye\[gpu\]'"):
        load(device="cuda")


def test_a_gpu_that_cannot_be_used_is_not_silently_a_cpu(
    tiny_lite: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession

    def fall_back(graph: bytes, options: Any, providers: list[str]) -> Any:
        assert providers == ["CUDAExecutionProvider", "CPUExecutionProvider"]
        return session(graph, options, providers=["CPUExecutionProvider"])

    everything = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: everything)
    monkeypatch.setattr(onnxruntime, "InferenceSession", fall_back)
    with pytest.raises(EyeError, match="the GPU could not be used"):
        open_onnx(efficientnet_graph(tiny_lite, 32).SerializeToString(), device="cuda")


def test_a_file_that_is_no_tflite_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(b"no model" * 100)
    with pytest.raises(WeightsError, match=r"is not a readable \.tflite file"):
        LiteRT(tmp_path / "a.tflite", ("a", "b"), 0, 1, 1)
