"""The catalogue's detectors find what their published files find, and what a person sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from detect_samples import Plain, squared, street

from compoundeye.models import Detector, card, load, load_detector, weights
from compoundeye.models._class_names import COCO_80, coco_ids
from compoundeye.models._detect_heads import Candidates
from compoundeye.models._detect_views import OneView, View
from compoundeye.models._letterbox import Letterbox
from compoundeye.models._openvino import supported_precisions
from compoundeye.records import EyeError, ModelIdentity

NAMES = [
    "yolox-tiny-humanart",
    "yolov4-tiny",
    "tiny-yolov3",
    "efficientdet-lite0",
    "efficientdet-lite1",
    "efficientdet-lite2",
]
FRAMES = [0, 80, 200, 420, 640]
Boxes = npt.NDArray[np.float32]
Published = tuple[Boxes, Boxes, npt.NDArray[np.int64]]

# Set by eye on frames of vtest.avi: the middle of each person who is seen whole, in pixels of 768 x 576. Parked at the
# upper edge in every frame are a van and, half seen, a car.
PEOPLE = {
    200: [(104, 182), (243, 227), (500, 184), (642, 316), (731, 303), (685, 124), (710, 130)],
    640: [(138, 176), (192, 192), (382, 193), (522, 291), (673, 259), (372, 455)],
}
VAN = (686, 70)


@pytest.fixture(scope="module", params=NAMES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return load_detector(request.param)


def look(detector: Detector, image: Plain, **asked: Any) -> Any:
    return detector([detector.prepare(image)], [(image.width, image.height)], **asked)[0]


def holds(box: Boxes, point: tuple[int, int]) -> bool:
    return bool(box[0] < point[0] < box[2] and box[1] < point[1] < box[3])


@pytest.mark.parametrize("number", PEOPLE)
@pytest.mark.parametrize("name", ["yolox-tiny-humanart", "efficientdet-lite2"])
def test_everybody_on_the_street_is_found_once_and_nobody_else(name: str, number: int) -> None:
    found = look(load_detector(name), street(number), min_score=0.4, classes=["person"])
    hits = [[holds(box, person) for box in found.boxes] for person in PEOPLE[number]]
    assert [sum(row) for row in hits] == [1] * len(PEOPLE[number])
    assert len(found) == len(PEOPLE[number])


@pytest.mark.parametrize("name", ["yolov4-tiny", "efficientdet-lite1", "efficientdet-lite2"])
def test_the_parked_van_is_one_vehicle(name: str) -> None:
    detector = load_detector(name)
    vehicles = look(detector, street(200), classes=["car", "bus", "truck"])
    assert sum(holds(box, VAN) for box in vehicles.boxes) == 1


def test_a_picture_of_nothing_shows_nothing(detector: Detector) -> None:
    found = look(detector, Plain(np.full((300, 400, 3), 128, np.uint8)), min_score=0.3)
    assert len(found) == 0
    assert found.names == detector.names


def test_in_company_a_picture_shows_what_it_shows_alone(detector: Detector) -> None:
    images = [street(number) for number in FRAMES]
    sizes = [(image.width, image.height) for image in images]
    together = detector([detector.prepare(image) for image in images], sizes)
    for image, found in zip(images, together, strict=True):
        alone = look(detector, image)
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_array_equal(found.scores, alone.scores)
        assert (np.diff(found.scores) <= 0).all()
        assert ((found.scores >= 0.1 - 1e-6) & (found.scores <= 1)).all()
    assert detector([], []) == []


def test_streams_that_share_a_detector_do_not_disturb_each_other(detector: Detector) -> None:
    images = [street(number) for number in FRAMES]
    alone = [look(detector, image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: look(detector, image), images * 4))
    for one, other in zip(found, alone * 4, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_a_smaller_picture_has_its_things_at_smaller_places(detector: Detector) -> None:
    image = street(200)
    half = Plain(image.rgb(384, 288))
    large, small = look(detector, image, min_score=0.5), look(detector, half, min_score=0.5)
    best = small.boxes[0] * 2
    assert np.abs(large.boxes - best).max(axis=1).min() < 12


def test_only_what_is_wanted(detector: Detector) -> None:
    everything = look(detector, street(200))
    people = look(detector, street(200), classes=["person"])
    assert set(people.classes.tolist()) == {detector.names.index("person")}
    kept = everything.classes == detector.names.index("person")
    np.testing.assert_array_equal(everything.boxes[kept], people.boxes)
    assert len(look(detector, street(200), classes=[])) == 0
    with pytest.raises(EyeError, match=f"{detector.card.name} does not find 'persn': it finds person"):
        look(detector, street(200), classes=["persn"])


class Said:
    """A network that has run already, and the head that reads it: a car, the same as a truck, a person on it."""

    name, precision, batch = "said", "fp32", 4
    boxes = np.array([[0, 0, 80, 60], [1, 0, 80, 60], [0, 0, 80, 61]], np.float32)

    def __call__(self, batch: Any) -> dict[str, Any]:
        return {"batch": batch}

    def head(self, outputs: Any, min_score: float, allowed: Any) -> list[Candidates]:
        del min_score, allowed
        return [
            Candidates(self.boxes, np.array([0.5, 0.6, 0.4], np.float32), np.array([1, 2, 0], np.int32))
            for _ in outputs["batch"]
        ]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["truck", "person"]),
        ({"rivals": ()}, ["truck", "car", "person"]),
        ({"rivals": [["car", "person"]]}, ["truck", "car"]),
    ],
    ids=["as a rule", "as detectors are evaluated", "as somebody wants"],
)
def test_a_thing_of_two_names_is_one_thing(asked: dict[str, Any], names: list[str]) -> None:
    entry, said = card("yolov4-tiny"), Said()
    identity = ModelIdentity("said", "1", "0" * 64)
    view = OneView(View(Letterbox(80, 80, "corner"), said, said.head))
    detector = Detector(entry, identity, ("person", "car", "truck"), view, 0.5)
    found = look(detector, Plain(np.zeros((160, 160, 3), np.uint8)), **asked)
    assert [found.names[place] for place in found.classes] == names
    np.testing.assert_array_equal(found.boxes[0], [2, 0, 160, 120])  # in pixels of the picture, not of the input


def test_pictures_and_sizes_belong_together(detector: Detector) -> None:
    with pytest.raises(ValueError, match="1 pictures but 2 sizes"):
        detector([detector.prepare(street(0))], [(1, 1), (1, 1)])


@pytest.mark.parametrize("name", NAMES[:3])
def test_bf16_finds_what_fp32_finds(name: str) -> None:
    if "bf16" not in supported_precisions():
        pytest.skip("this processor has no instructions for bf16")
    assert load_detector(name).precision == "bf16"  # what was measured allows it
    exact, cheap = (load_detector(name, precision=precision) for precision in ("fp32", "bf16"))
    for number in FRAMES:
        one, other = look(exact, street(number), min_score=0.4), look(cheap, street(number), min_score=0.3)
        for box, class_ in zip(one.boxes, one.classes, strict=True):
            same = other.boxes[other.classes == class_]
            assert np.abs(same - box).max(axis=1).min() < 6


def test_detectors_and_other_models_are_told_apart() -> None:
    with pytest.raises(EyeError, match="yolov4-tiny says where things are"):
        load("yolov4-tiny")
    with pytest.raises(EyeError, match="efficientnet-lite0 says what a picture is"):
        load_detector("efficientnet-lite0")
    with pytest.raises(EyeError, match="did you mean yolov4-tiny"):
        load_detector("yolo4-tiny")
    with pytest.raises(EyeError, match="no precision 'half'"):
        load_detector("yolov4-tiny", precision="half")
    with pytest.raises(EyeError, match="efficientdet-lite0 runs in LiteRT on a CPU only"):
        load_detector("efficientdet-lite0", device="cuda")


def test_names_are_those_in_the_published_file() -> None:
    import zipfile

    with zipfile.ZipFile(weights(card("efficientdet-lite0"))) as packed:
        lines = packed.read("labelmap.txt").decode().splitlines()
    assert tuple(line for line in lines if line != "???") == COCO_80
    assert tuple(place + 1 for place, line in enumerate(lines) if line != "???") == coco_ids()


def test_yolox_says_what_its_file_says() -> None:
    session = _session("yolox-tiny-humanart")
    detector = load_detector("yolox-tiny-humanart", precision="fp32")
    for number in FRAMES:
        prepared = detector.prepare(squared(street(number)))
        pixels = prepared[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        found = session.run(None, {"input": pixels})[0][0]
        found = found[found[:, 4] >= 0.05]
        _same(detector, prepared, (found[:, :4], found[:, 4], np.zeros(len(found), np.int64)), 0.05)


def test_a_cut_input_shows_what_the_square_one_shows() -> None:
    detector = load_detector("yolox-tiny-humanart", precision="fp32")
    for number in FRAMES:
        image = street(number)
        assert detector.prepare(image).shape == (320, 416, 3)
        cut, square = look(detector, image, min_score=0.5), look(detector, squared(image), min_score=0.5)
        assert len(cut) == len(square) > 2
        for box, score in zip(cut.boxes, cut.scores, strict=True):
            near = np.abs(square.boxes - box).max(axis=1).argmin()
            assert np.abs(square.boxes[near] - box).max() < 5  # of 768: it is the same network, with less grey below
            assert abs(square.scores[near] - score) < 0.08


def test_pictures_of_several_shapes_go_together(detector: Detector) -> None:
    wide = Plain(np.ascontiguousarray(street(200).rgb()[150:400]))
    tall = Plain(np.ascontiguousarray(street(640).rgb()[:, 250:550]))
    images = [wide, tall, street(0), wide]
    sizes = [(image.width, image.height) for image in images]
    together = detector([detector.prepare(image) for image in images], sizes)
    assert min(len(found) for found in together) > 0
    for image, found in zip(images, together, strict=True):
        np.testing.assert_array_equal(found.boxes, look(detector, image).boxes)


def test_tiny_yolov3_says_what_its_file_says() -> None:
    session = _session("tiny-yolov3")
    detector = load_detector("tiny-yolov3", precision="fp32")
    for number in FRAMES:
        prepared = detector.prepare(street(number))
        pixels = prepared.transpose(2, 0, 1)[None].astype(np.float32) / 255
        shape = np.array([detector.input_size[::-1]], np.float32)
        boxes, scores, chosen = session.run(None, {"input_1": pixels, "image_shape": shape})
        _, classes, places = chosen.reshape(-1, 3).T
        sure = scores[0, classes, places]
        # The suppression in the file begins at this score.
        kept = sure >= 0.6
        _same(detector, prepared, (boxes[0, places][kept][:, [1, 0, 3, 2]], sure[kept], classes[kept]), 0.6)


@pytest.mark.parametrize("name", NAMES[3:])
def test_efficientdet_says_what_its_file_says(name: str) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    network = litert.Interpreter(str(weights(card(name))))
    network.allocate_tensors()
    detector = load_detector(name)
    side = detector.input_size[0]
    labels = np.array(coco_ids()) - 1
    for number in FRAMES:
        prepared = detector.prepare(street(number))
        network.set_tensor(network.get_input_details()[0]["index"], prepared[None])
        network.invoke()
        outputs = [network.get_tensor(output["index"])[0] for output in network.get_output_details()]
        boxes, classes, scores = outputs[0][:, [1, 0, 3, 2]] * side, outputs[1].astype(int), outputs[2]
        kept = (scores >= 0.2) & np.isin(classes, labels)
        wanted = boxes[kept], scores[kept], np.searchsorted(labels, classes[kept])
        # The suppression in the file knows no classes: all boxes are rivals.
        _same(detector, prepared, wanted, 0.2, rivals=(detector.names,))


def test_a_crowd_has_no_limit() -> None:
    """25 at most come out of the published file; a hundred people stand here."""
    detector = load_detector("efficientdet-lite2")
    person = street(640).rgb()[378:500, 322:422]
    crowd = Plain(np.tile(np.ascontiguousarray(person), (4, 10, 1)))
    assert len(look(detector, crowd, min_score=0.3, classes=["person"])) > 25


def _session(name: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(weights(card(name))), options, providers=["CPUExecutionProvider"])


def _same(detector: Detector, prepared: Any, wanted: Published, least: float, **asked: Any) -> None:
    """The same boxes; equal scores may stand in another order."""
    (found,) = detector([prepared], [detector.input_size], min_score=least, **{"rivals": (), **asked})
    boxes, scores, classes = wanted
    assert len(found) == len(boxes) > 0
    here = np.lexsort((found.boxes[:, 1].round(), found.boxes[:, 0].round(), found.classes))
    there = np.lexsort((boxes[:, 1].round(), boxes[:, 0].round(), classes))
    np.testing.assert_array_equal(found.classes[here], classes[there])
    np.testing.assert_allclose(found.boxes[here], boxes[there], atol=2e-3)
    np.testing.assert_allclose(found.scores[here], scores[there], atol=1e-5)
