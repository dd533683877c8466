"""Detectors that a user brings: each family as its own exporter writes it, against its own reading of the outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from detect_samples import Plain, squared, street
from onnx import TensorProto, helper, numpy_helper

from compoundeye.models import Detector, WeightsError, card, load_detector, weights
from compoundeye.models._class_names import COCO_80, coco_ids
from compoundeye.models._detect_graph import cut
from compoundeye.models._yolox import yolox_decode
from compoundeye.records import Detections

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
RANDOM = np.random.default_rng(0)


def look(detector: Detector, image: Plain, least: float) -> Detections:
    prepared = [detector.prepare(image)] * 2  # two, so that files for one picture are asked twice
    size = (image.width, image.height)
    one, other = detector(prepared, [size, size], min_score=least, rivals=())
    np.testing.assert_array_equal(one.boxes, other.boxes)
    return one


def saved(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, tuple[int, list[Any]]],
    tensors: dict[str, Any] | None = None,
) -> Path:
    def infos(values: dict[str, tuple[int, list[Any]]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in values.items()]

    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in (tensors or {}).items()]
    graph = helper.make_graph(nodes, "test", infos(inputs), infos(outputs), stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def said(path: Path, shape: list[Any], **outputs: Any) -> Path:
    """A network that says the same of any picture."""
    nodes = [
        helper.make_node("ReduceMean", ["in"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "no"], ["zero"]),
    ]
    tensors: dict[str, Any] = {"no": np.float32(0)}
    infos = {}
    for name, value in outputs.items():
        array = np.asarray(value)
        kind = INT if array.dtype == np.int64 else FLOAT
        tensors[f"{name}_said"] = array
        nodes.append(helper.make_node("Cast", ["zero"], [f"{name}_zero"], to=kind))
        nodes.append(helper.make_node("Add", [f"{name}_said", f"{name}_zero"], [name]))
        infos[name] = (kind, list(array.shape))
    return saved(path, nodes, {"in": (FLOAT, shape)}, infos, tensors)


@pytest.fixture(scope="module", params=[False, True], ids=["raw", "decoded"])
def yolox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue's YOLOX with the one output [1, A, 5 + K] that YOLOX's own exporter writes."""
    model = onnx.load(weights(card("yolox-tiny-humanart")))
    inner = {"1121": "object", "1119": "class", "1122": "box"}
    part = cut(model, {**inner, "1140": "centre", "1152": "side"} if request.param else inner)
    graph = part.graph
    boxes = ["centre", "side"] if request.param else ["box"]
    graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "last"))
    graph.node.append(helper.make_node("Reshape", ["object", "column"], ["object_column"]))
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1, 1], np.int64), "column"))
    graph.node.append(helper.make_node("Concat", [*boxes, "object_column", "class"], ["output"], axis=2))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("output", FLOAT, [1, 3549, 85]))
    path = tmp_path_factory.mktemp("yolox") / "mine.onnx"
    onnx.save(part, path)
    return path


def test_yolox_of_ones_own_finds_what_the_catalogues_finds(yolox: Path) -> None:
    detector, published = load_detector(str(yolox)), load_detector("yolox-tiny-humanart", precision="fp32")
    assert detector.names == COCO_80
    assert detector.input_size == published.input_size
    assert detector.identity.name == "mine"
    image = squared(street(200))
    np.testing.assert_array_equal(detector.prepare(image), published.prepare(image))
    found, wanted = look(detector, image, 0.5), look(published, image, 0.5)
    assert len(found) == len(wanted) == 7
    # Its own suppression is a little stricter (0.45 for 0.65); on people who stand apart that changes nothing.
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=0.01)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-4)


def test_descendants_of_detr_are_read_as_their_makers_read_them(tmp_path: Path) -> None:
    """Random outputs, through transformers' own post-processing and through ours."""
    torch = pytest.importorskip("torch")
    from transformers import RTDetrImageProcessor
    from transformers.models.rt_detr.modeling_rt_detr import RTDetrObjectDetectionOutput

    logits = RANDOM.normal(-6, 2, (1, 40, 80)).astype(np.float32)
    boxes = RANDOM.uniform(0.2, 0.5, (1, 40, 4)).astype(np.float32)
    path = said(tmp_path / "detr.onnx", [1, 3, 64, 96], logits=logits, pred_boxes=boxes)
    found = look(load_detector(str(path)), Plain(np.zeros((300, 500, 3), np.uint8)), 0.3)
    outputs = RTDetrObjectDetectionOutput(logits=torch.tensor(logits), pred_boxes=torch.tensor(boxes))
    (wanted,) = RTDetrImageProcessor().post_process_object_detection(
        outputs, threshold=0.3, target_sizes=torch.tensor([[300, 500]])
    )
    # Theirs gives a place several classes; ours its best one.
    best = {tuple(box.round(2).tolist()): (score, label) for score, label, box in _triples(wanted)}
    assert len(found) == len(best) > 5
    for box, score, class_ in zip(found.boxes, found.scores, found.classes, strict=True):
        near = min(best, key=lambda other, box=box: float(np.abs(np.array(other) - box).max()))  # type: ignore[misc]
        np.testing.assert_allclose(near, box, atol=0.02)
        assert best[near] == (pytest.approx(score, abs=1e-5), class_)


def _triples(wanted: Any) -> list[tuple[float, int, Any]]:
    """Weakest first, so that of one place the best remains."""
    each = zip(wanted["scores"].tolist(), wanted["labels"].tolist(), wanted["boxes"].numpy(), strict=True)
    return sorted(each, key=lambda one: one[0])


def test_a_network_of_transformers_runs_as_it_does_there(tmp_path: Path) -> None:
    """A small RT-DETR with random weights, exported by torch: pixels, too, go in as its makers let them in."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    path, wanted = tmp_path / "rtdetr.onnx", _export(torch, tmp_path / "rtdetr.onnx")
    image = Plain(RANDOM.integers(0, 256, (96, 128, 3)).astype(np.uint8))
    detector = load_detector(str(path))
    prepared = detector.prepare(image)
    pixels = torch.tensor(prepared.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    logits, boxes = (value.numpy()[0] for value in wanted(pixels))
    scores = 1 / (1 + np.exp(-logits))
    least = float(np.sort(scores.max(axis=1))[-5])
    found = look(detector, image, least - 1e-4)
    places = np.argsort(-scores.max(axis=1))[: len(found)]
    np.testing.assert_allclose(found.scores, scores.max(axis=1)[places], atol=1e-4)
    centre, side = boxes[places, :2], boxes[places, 2:]
    corners = np.concatenate([centre - side / 2, centre + side / 2], axis=1) * [128, 96, 128, 96]
    np.testing.assert_allclose(found.boxes, corners, atol=0.05)


def _export(torch: Any, path: Path) -> Any:
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    torch.manual_seed(0)
    backbone = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=12,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_labels=80,
        anchor_image_size=[64, 64],
        num_denoising=0,
    )
    network = RTDetrForObjectDetection(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # as it is made, all queries say nearly the same
            parameter.add_(torch.randn_like(parameter) * 0.3)

    class Exported(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixel_values: Any) -> Any:
            outputs = self.network(pixel_values=pixel_values)
            return outputs.logits, outputs.pred_boxes

    module = Exported().eval()
    import warnings

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(1, 3, 64, 64),),
            str(path),
            input_names=["pixel_values"],
            output_names=["logits", "pred_boxes"],
            opset_version=17,
            dynamo=False,
        )

    def run(pixels: Any) -> Any:
        with torch.no_grad():
            return module(pixels)

    return run


def test_rt_detr_that_asks_for_sizes_is_told_those_of_its_input(tmp_path: Path) -> None:
    """Boxes come out in pixels of ``orig_target_sizes``: here they are those very sizes, doubled up."""
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["sizes"], to=FLOAT),
        helper.make_node("Concat", ["sizes", "sizes"], ["four"], axis=1),
        helper.make_node("Reshape", ["four", "form"], ["row"]),
        helper.make_node("Mul", ["share", "row"], ["boxes"]),
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["scores"]),
        helper.make_node("Identity", ["label"], ["labels"]),
    ]
    tensors = {
        "share": np.array([[[0.25, 0.5, 0.75, 1.0]]], np.float32),
        "form": np.array([1, 1, 4]),
        "column": np.array([-1, 1]),
        "label": np.array([[7]]),
    }
    path = saved(
        tmp_path / "dfine.onnx",
        nodes,
        {"images": (FLOAT, ["N", 3, 64, 96]), "orig_target_sizes": (INT, ["N", 2])},
        {"labels": (INT, ["N", 1]), "boxes": (FLOAT, ["N", 1, 4]), "scores": (FLOAT, ["N", 1])},
        tensors,
    )
    found = look(load_detector(str(path)), Plain(np.full((200, 400, 3), 204, np.uint8)), 0.3)
    np.testing.assert_allclose(found.boxes, [[100, 100, 300, 200]])
    np.testing.assert_allclose(found.scores, [0.8], atol=1e-5)  # pixels arrive as shares of 255
    assert found.names[found.classes[0]] == "truck"


def test_torchvisions_labels_are_cocos_ids(tmp_path: Path) -> None:
    labels = np.array([1, 3, 90, 12, 0], np.int64)  # 12 is one that COCO left out, 0 the background
    boxes = np.tile(np.array([[10, 10, 20, 30]], np.float32), (5, 1))
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    path = said(tmp_path / "fasterrcnn.onnx", [3, 80, 120], boxes=boxes, labels=labels, scores=scores)
    found = look(load_detector(str(path)), Plain(np.zeros((160, 240, 3), np.uint8)), 0.1)
    assert [found.names[place] for place in found.classes] == ["person", "car", "toothbrush"]
    np.testing.assert_array_equal(found.boxes[0], [20, 20, 40, 60])


def test_91_logits_are_cocos_ids(tmp_path: Path) -> None:
    logits = np.full((1, 3, 91), -9, np.float32)
    logits[0, [0, 1, 2], [1, coco_ids()[-1], 12]] = 3
    boxes = np.full((1, 3, 4), 0.5, np.float32)
    path = said(tmp_path / "rfdetr.onnx", [1, 3, 64, 64], dets=boxes, labels=logits)
    found = look(load_detector(str(path)), Plain(np.zeros((64, 64, 3), np.uint8)), 0.5)
    assert sorted(found.names[place] for place in found.classes) == ["person", "toothbrush"]


HELMETS = np.array([[[-9, 3, -9]]], np.float32)
MIDDLE = np.array([[[0.5, 0.5, 0.2, 0.2]]], np.float32)


@pytest.fixture
def helmets(tmp_path: Path) -> Path:
    return said(tmp_path / "site.onnx", [1, 3, 64, 64], logits=HELMETS, pred_boxes=MIDDLE)


def test_names_lie_beside_the_file_or_in_it(helmets: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"names of its 3 classes are not known: write them, one a line, into site\.txt "
    ):
        load_detector(str(helmets))
    model = onnx.load(helmets)
    model.metadata_props.append(onnx.StringStringEntryProto(key="names", value="{0: 'vest', 2: 'boot', 1: 'glove'}"))
    onnx.save(model, helmets)
    assert load_detector(str(helmets)).names == ("vest", "glove", "boot")
    helmets.with_suffix(".txt").write_text("vest\nhelmet\n\nboot\n")
    detector = load_detector(str(helmets))
    assert detector.names == ("vest", "helmet", "boot")
    found = look(detector, Plain(np.zeros((100, 200, 3), np.uint8)), 0.5)
    assert [found.names[place] for place in found.classes] == ["helmet"]
    np.testing.assert_allclose(found.boxes, [[80, 40, 120, 60]], atol=1e-4)
    helmets.with_suffix(".txt").write_text("a\nb\nc\nd\n")
    with pytest.raises(WeightsError, match="4 names for a network of 3 classes"):
        load_detector(str(helmets))


def test_what_the_family_does_not_say_its_owner_does(helmets: Path) -> None:
    beside = helmets.with_suffix(".toml")
    beside.write_text('names = ["helmet", "boot"]\nfirst_label = 1\nfit = "centre"\nfill = 0\n')
    detector = load_detector(str(helmets))
    image = Plain(np.full((32, 64, 3), 255, np.uint8))
    assert detector.prepare(image)[[0, 32, 63], 0, 0].tolist() == [0, 255, 0]
    found = look(detector, image, 0.5)
    assert [found.names[place] for place in found.classes] == ["helmet"]
    beside.write_text('names = ["helmet"]\ncolour = "bgr"\n')
    with pytest.raises(WeightsError, match=r"site\.toml beside it has 'colour': it may have names"):
        load_detector(str(helmets))
    beside.write_text('fit = "left"')
    with pytest.raises(WeightsError, match=r"fit in site\.toml must be one of corner, centre, stretch, not 'left'"):
        load_detector(str(helmets))
    beside.write_text("mean = [1, 2]")
    with pytest.raises(WeightsError, match="mean must be three numbers"):
        load_detector(str(helmets))
    beside.write_text('scale = "large"')
    with pytest.raises(WeightsError, match=r"site\.toml has a value of the wrong kind: .*'large'"):
        load_detector(str(helmets))


def test_a_size_that_the_network_does_not_take_is_told_at_once(yolox: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(yolox.read_bytes())
    path.with_suffix(".toml").write_text("size = [400, 300]")
    with pytest.raises(WeightsError, match=r"mine\.onnx: the network does not run on an input of 400 x 300 pixels: ."):
        load_detector(str(path))


def test_another_network_is_no_detector(tmp_path: Path) -> None:
    path = said(tmp_path / "classifier.onnx", [1, 3, 64, 64], logits=np.zeros((1, 1000), np.float32))
    with pytest.raises(WeightsError, match=r"in \[1, 3, 64, 64\] and gives logits \[1, 1000\], which is no detector"):
        load_detector(str(path))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"broken\.onnx cannot be read as an ONNX file"):
        load_detector(str(broken))
    with pytest.raises(WeightsError, match=r"absent\.onnx cannot be read"):
        load_detector(str(tmp_path / "absent.onnx"))


def test_a_file_for_many_pictures_at_once_says_so(tmp_path: Path) -> None:
    path = said(tmp_path / "four.onnx", [4, 3, 64, 64], logits=HELMETS, pred_boxes=MIDDLE)
    with pytest.raises(WeightsError, match="exported for 4 pictures at a time"):
        load_detector(str(path))


@pytest.mark.parametrize("size", [(416, 416), (640, 384)])
def test_places_of_yolox_cover_the_input(size: tuple[int, int]) -> None:
    places = np.arange(sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32)))
    boxes = yolox_decode(size)(np.zeros((len(places), 4), np.float32), places)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    assert centre.min() == 0
    assert (centre.max(axis=0) == np.array(size) - 8).all()
    assert set((boxes[:, 2] - boxes[:, 0]).tolist()) == {8, 16, 32}
