"""Weights from files."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from compoundeye.nets import read_state
from compoundeye.records import EyeError

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)}


def same(found: object) -> bool:
    assert isinstance(found, dict)
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("within", ["", "state_dict", "model", "teacher"])
def test_a_checkpoint_is_read_wherever_it_keeps_its_weights(within: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({within: STATE, "epoch": 3, "optimizer": {"lr": 0.1}} if within else STATE, path)
    assert same(read_state(path))


def test_safetensors_are_read_from_a_file_and_from_a_folder(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    assert same(read_state(tmp_path / "model.safetensors"))
    assert same(read_state(tmp_path))


class Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    torch.save({"a": Harm(tmp_path / "harm")}, tmp_path / "weights.pth")
    with pytest.raises(EyeError, match="not a checkpoint of tensors"):
        read_state(tmp_path / "weights.pth")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(EyeError, match="there are no weights at"):
        read_state(path)
    for content in (b"", b"some text that is no weights at all", bytes(100)):
        path.write_bytes(content)
        with pytest.raises(EyeError, match=name):
            read_state(path)


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    for content in ({"epoch": 3}, [1, 2], torch.ones(3)):
        torch.save(content, tmp_path / "weights.pth")
        with pytest.raises(EyeError, match="holds no state dict"):
            read_state(tmp_path / "weights.pth")
