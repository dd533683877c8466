"""Models of one's own in the catalogue: whole or not there, by name like the published ones."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from compoundeye.models import WeightsError, card, catalogue, catalogue_rows, labels, load, present, register
from compoundeye.pixels import crop_box, framed
from compoundeye.records import EyeError

COLOURS = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without models."""
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COMPOUNDEYE_OFFLINE", "1")
    return tmp_path / "home" / "models"


def mean_colour(classes: int | None = 3, *, scale: float = 10.0, outputs: Sequence[str] = ()) -> bytes:
    """A network whose embedding is the mean colour from 0 to 1, and whose logits are multiples of it."""
    weights = (np.eye(3, classes or 3) * scale).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "most"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
    ]
    given = {"axes": np.array([1, 2]), "most": np.array(255, np.float32), "weights": weights}
    names = list(outputs) or ["embedding", *(["logits"] if classes else [])]
    graph = helper.make_graph(
        nodes if classes else nodes[:-1],
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "S", "S", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", None]) for name in names],
        [numpy_helper.from_array(value, name) for name, value in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def png(width: int, height: int, seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_registered_model_is_loaded_by_name_and_answers() -> None:
    data = mean_colour()
    given = register("mine", data, input_size=8, labels=COLOURS, licence="MIT", metric="99 %", protocol="by eye")
    assert given == card("mine") == catalogue()["mine"]
    assert (given.task, given.version, given.architecture, given.embedding_dim) == ("classify", "1", "onnx", 3)
    assert present(given)
    assert given.labels is not None
    assert labels(given.labels).names == COLOURS

    model = load("mine")
    assert model.identity.digest == given.sha256 == hashlib.sha256(data).hexdigest()
    assert model.labels is not None
    assert model.labels.tree is None
    pixels = np.zeros((11, 8, 8, 3), np.uint8)  # more than one size of batch
    pixels[..., 1] = 255
    found = model(pixels)
    assert found.logits is not None
    assert np.allclose(found.embedding, [0, 1, 0])
    assert np.allclose(found.logits, [0, 10, 0])


def test_the_listing_says_that_it_is_yours() -> None:
    register("mine", mean_colour(), input_size=8, labels=COLOURS, metric="99 %", protocol="by eye", facts={"a": [1]})
    row = next(row for row in catalogue_rows() if row.name == "mine")
    assert (row.yours, row.where_from, row.metric, row.protocol, row.present) == (True, "yours", "99 %", "by eye", True)
    assert [one.name for one in catalogue_rows() if one.yours] == ["mine"]
    assert card("mine").facts == {"a": [1]}


def test_a_model_without_labels_embeds() -> None:
    given = register("space", mean_colour(None), input_size=8)
    assert (given.task, given.labels) == ("embed", None)
    found = load("space")(np.full((1, 8, 8, 3), 51, np.uint8))
    assert np.allclose(found.embedding, 0.2)
    assert found.logits is None


@pytest.mark.parametrize("shape", [(64, 48), (48, 64), (20, 20), (9, 31), (1, 1)])
@pytest.mark.parametrize(("crop", "fraction"), [("centre", 0.875), ("centre", 1.0), ("whole", 1.0)])
def test_pictures_are_looked_at_as_the_card_says(shape: tuple[int, int], crop: str, fraction: float) -> None:
    register("mine", mean_colour(None), input_size=16, crop=crop, crop_fraction=fraction)  # type: ignore[arg-type]
    picture = png(*shape)
    left, top, width, height = framed(crop, fraction, *shape)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(picture)) as opened:
        part = opened.crop((left, top, left + width, top + height))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    wanted = crop_box(buffer.getvalue(), (0, 0, width, height), (16, 16))
    assert np.array_equal(load("mine").prepare(picture), wanted)


def test_replacing_has_to_be_asked_for_and_counts_the_version(shelf: Path) -> None:
    first = register("mine", mean_colour(), input_size=8, labels=COLOURS)
    with pytest.raises(WeightsError, match=r"version 1\) already"):
        register("mine", mean_colour(scale=20), input_size=8, labels=COLOURS)
    assert card("mine") == first

    second = register("mine", mean_colour(scale=20), input_size=8, labels=COLOURS[::-1], replace=True)
    assert second.version == "2"
    assert second.sha256 != first.sha256
    assert load("mine").identity.version == "2"
    assert load("mine").labels.names == COLOURS[::-1]  # type: ignore[union-attr]
    assert present(first)  # for jobs that began with it

    third = register("mine", mean_colour(), input_size=8, labels=COLOURS, replace=True)
    assert third.version == "3"
    assert not present(first)
    assert sorted(path.name for path in (shelf / "mine").iterdir()) == [".lock", "2", "3", "card.json"]


def test_replacing_what_is_not_there_is_the_first_version() -> None:
    assert register("mine", mean_colour(None), input_size=8, replace=True).version == "1"


def test_a_failure_leaves_the_model_before_it(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = register("mine", mean_colour(None), input_size=8)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match="No space left"):
        register("mine", mean_colour(None, scale=1), input_size=8, replace=True)
    assert card("mine") == first
    assert sorted(path.name for path in (shelf / "mine").iterdir()) == [".lock", "1", "card.json"]


def test_of_several_at_once_one_wins_and_the_others_are_told() -> None:
    def one(number: int) -> str:
        return register("mine", mean_colour(None), input_size=8, notes=str(number)).notes

    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(one, number) for number in range(4)]
    failed = [str(error) for error in (done.exception() for done in tries) if error]
    assert len(failed) == 3
    assert all("already" in text for text in failed)
    assert [card("mine").notes] == [done.result() for done in tries if not done.exception()]


@pytest.mark.parametrize(
    ("name", "data", "names", "message"),
    [
        ("../up", mean_colour(), COLOURS, "cannot be called"),
        ("efficientnet-lite0", mean_colour(), COLOURS, "published"),
        ("mine", mean_colour(), ("a", "b"), "outputs are"),
        ("mine", mean_colour(None), COLOURS, "outputs are"),
        ("mine", mean_colour(outputs=["logits"]), COLOURS, "outputs are"),
        ("mine", b"no network", None, "OpenVINO cannot read"),
        ("mine", mean_colour(), ("Cat", "dog", "cat"), "two labels are called 'Cat'"),
        ("mine", mean_colour(), ("a", "b\nc", "d"), "cannot be a label"),
        ("mine", mean_colour(), ("a", " ", "d"), "cannot be a label"),
    ],
)
def test_what_is_no_model_is_refused(
    name: str, data: bytes, names: Sequence[str] | None, message: str, shelf: Path
) -> None:
    with pytest.raises(EyeError, match=message):
        register(name, data, input_size=8, labels=names)
    assert not shelf.exists()


def test_a_changed_file_is_not_run() -> None:
    given = register("mine", mean_colour(), input_size=8, labels=COLOURS)
    path = Path(str(given.folder)) / given.file_name
    path.write_bytes(mean_colour(scale=3))
    with pytest.raises(WeightsError, match="register it again"):
        load("mine")
    path.unlink()
    with pytest.raises(WeightsError, match="register it again"):
        load("mine")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1}', "null"])
def test_a_folder_without_a_card_that_can_be_read_is_passed_over(shelf: Path, text: str) -> None:
    (shelf / "odd").mkdir(parents=True)
    (shelf / "odd" / "card.json").write_text(text)
    assert "odd" not in catalogue()
    assert register("odd", mean_colour(None), input_size=8).version == "1"


def test_the_card_tells_others_how_to_run_it(shelf: Path) -> None:
    register("mine", mean_colour(), input_size=8, labels=("ü", "b", "c"), crop="whole")
    told = json.loads((shelf / "mine" / "card.json").read_text())
    assert told["preprocessing"]["crop"] == "whole"
    model = onnx.load(shelf / "mine" / told["model"])
    assert [one.name for one in model.graph.input] == ["pixels"]
    assert (shelf / "mine" / told["labels"]).read_text().splitlines() == ["ü", "b", "c"]


def test_a_folder_of_the_same_name_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register("mine", mean_colour(None), input_size=8)
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("mine").card.local
