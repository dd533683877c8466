"""Reading PyTorch checkpoints equals PyTorch's own reading, and runs nothing."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.models import WeightsError, card, weights
from compoundeye.models._torch_archive import read_state

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
LEGACY = [False, True]


def assert_same(state: dict[str, Any], reference: dict[str, torch.Tensor]) -> None:
    assert list(state) == list(reference)
    for name, tensor in reference.items():
        expected = tensor.detach().numpy()
        assert state[name].dtype == expected.dtype
        np.testing.assert_array_equal(state[name], expected)


@pytest.mark.parametrize("legacy", LEGACY)
@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.text("abc._", min_size=1), st.tuples(st.lists(st.integers(0, 4), max_size=4), st.sampled_from(DTYPES))
    )
)
def test_any_tensors_come_back(
    tmp_path_factory: pytest.TempPathFactory, legacy: bool, wanted: dict[str, tuple[list[int], torch.dtype]]
) -> None:
    state = OrderedDict((name, torch.randint(0, 9, shape).to(dtype)) for name, (shape, dtype) in wanted.items())
    path = tmp_path_factory.mktemp("any") / "state.pth"
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    assert_same(read_state(path), torch.load(path, weights_only=True))


@pytest.mark.parametrize("legacy", LEGACY)
def test_views_parameters_and_a_modules_own_state_come_back(tmp_path: Path, legacy: bool) -> None:
    whole = torch.arange(24.0).reshape(4, 6)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    state = module.state_dict()  # an OrderedDict that carries an attribute, _metadata
    state["turned"], state["part"], state["same"] = whole.T, whole[1:3, 2:5], whole
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    path = tmp_path / "state.pth"
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    assert_same(read_state(path), torch.load(path, weights_only=True))


def test_the_default_models_file_reads_as_pytorch_reads_it() -> None:
    path = weights(card("efficientnet-lite0"))
    assert_same(read_state(path), torch.load(path, weights_only=True))


class _Runs:
    """Pickles as "call this function"."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def hostile(marker: Path) -> dict[str, Any]:
    return {
        "touch": _Runs(Path.touch, marker),
        "eval": _Runs(eval, f"open({str(marker)!r}, 'w')"),
        "getattr": _Runs(getattr, Path, "touch"),
        "numpy": np.zeros(2),
        "other torch": _Runs(torch._utils._rebuild_sparse_tensor, torch.strided, ()),
        "module": torch.nn.Linear(1, 1),
    }


@pytest.mark.parametrize("container", ["zip", "legacy", "plain"])
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("what", ["touch", "eval", "getattr", "numpy", "other torch", "module"])
def test_a_pickle_that_names_anything_else_is_refused_and_not_run(
    tmp_path: Path, container: str, protocol: int, what: str
) -> None:
    marker, path = tmp_path / "marker", tmp_path / "state.pth"
    state = {"weight": torch.zeros(1), "payload": hostile(marker)[what]}
    if container == "plain":
        path.write_bytes(pickle.dumps(state, protocol=protocol))
    else:
        torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=container == "zip")
    with pytest.raises(WeightsError, match=r"asks for [\w.]+, which no weights need: do not trust it"):
        read_state(path)
    assert not marker.exists()


def test_dotted_names_do_not_reach_through_an_admitted_one(tmp_path: Path) -> None:
    path = tmp_path / "state.pth"
    # Protocol 4, STACK_GLOBAL of ("torch", "FloatStorage.newbyteorder"), called with no arguments.
    path.write_bytes(b"\x80\x04\x8c\x05torch\x8c\x19FloatStorage.newbyteorder\x93)R.")
    with pytest.raises(WeightsError, match=r"asks for torch\.FloatStorage\.newbyteorder"):
        read_state(path)


def rewritten(source: Path, target: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, data if entry.endswith(name) else old.read(entry))


def test_a_view_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pth", tmp_path / "bad.pth"
    torch.save(OrderedDict(weight=torch.zeros(77, 2)), good)
    data = zipfile.ZipFile(good).read(next(n for n in zipfile.ZipFile(good).namelist() if n.endswith("data.pkl")))
    assert data.count(b"K\x4dK\x02\x86") == 1  # the shape (77, 2)
    rewritten(good, bad, "data.pkl", data.replace(b"K\x4dK\x02\x86", b"K\x4eK\x02\x86"))
    with pytest.raises(WeightsError, match="reaches outside its storage"):
        read_state(bad)


def test_big_endian_checkpoints_are_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pth", tmp_path / "bad.pth"
    torch.save(OrderedDict(weight=torch.zeros(2)), good)
    rewritten(good, bad, "byteorder", b"big")
    with pytest.raises(WeightsError, match="big-endian"):
        read_state(bad)


@pytest.mark.parametrize("legacy", LEGACY)
def test_a_file_cut_anywhere_is_an_error_in_words(tmp_path: Path, legacy: bool) -> None:
    whole, cut = io.BytesIO(), tmp_path / "cut.pth"
    torch.save(OrderedDict(a=torch.arange(50), b=torch.ones(3)), whole, _use_new_zipfile_serialization=not legacy)
    for length in range(0, len(whole.getvalue()), 23):
        cut.write_bytes(whole.getvalue()[:length])
        with pytest.raises(WeightsError, match=r"is not a readable PyTorch checkpoint .* fetch it again"):
            read_state(cut)


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(2), "text"])
def test_something_else_than_a_state_dict_is_an_error_in_words(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="not a state dict"):
        read_state(tmp_path / "other.pth")
