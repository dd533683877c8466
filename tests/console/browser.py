"""What the tests in a browser share: one Chromium and one server with a small world of pictures, a worker of tests.

Ask for ``page`` (a browser nobody has used, at the server's address) and ``site`` (what is there). A test that looks
takes the corpora ``album`` and ``colours``; one that writes names a corpus of its own in `WRITTEN`, so that no test
sees what another did. Nothing else starts Chromium: two drivers in one process are one too many.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from face_site import FOLDER as GALLERY
from face_site import KEY, made_up
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from compoundeye.categorise import categorise
from compoundeye.corpus import Corpus, ingest
from compoundeye.models import register
from compoundeye.runs import RunFolder

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
COLOURS = ("red", "green", "blue")
WRITTEN = ("relabelled", "selected", "reviewed", "pictured", "queued")
"""Copies of the album, each for one test that corrects."""
PATIENCE_MS = 30_000
"""How long a condition is waited for where other tests keep the machine busy; nothing waits that long by itself."""
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """A server, as `eye console` started it, and what it serves."""

    address: str
    folder: Path
    """``new``: pictures below a root of jobs; ``sent.png``: a red picture that no corpus has; ``runs``."""
    ids: dict[str, str] = field(default_factory=dict)
    """Of the album's pictures, by the names of their files: 00.jpg, ... 23.jpg, again.jpg."""
    mistakes: tuple[str, ...] = ()
    """Ids of what the run ``second`` got wrong, the worst first."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium, and scripts/chromium could not install it: apt install chromium")
    with sync_playwright() as playwright:
        shown = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield shown
        shown.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, album: Callable[[Path], Corpus]) -> Iterator[Site]:
    """A console in a process of its own, that ends as Ctrl-C ends it."""
    folder = tmp_path_factory.mktemp("site")
    own = {"COMPOUNDEYE_HOME": str(folder / "home"), "COMPOUNDEYE_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with pytest.MonkeyPatch.context() as patch:  # for this alone: the session's other tests have homes of their own
        for name, value in own.items():
            patch.setenv(name, value)
        ids, mistakes = _world(folder, album)
        made_up(folder)
    corpora = [str(folder / f"{name}.lance") for name in ("album", "colours", "grows", *WRITTEN)]
    command = [sys.executable, "-m", "compoundeye.cli", "console", *corpora, "--no-open", "--port", "0"]
    command += ["--runs", str(folder / "runs"), "--root", str(folder / "new")]
    command += ["--faces", str(folder / GALLERY), "--faces-key", str(folder / KEY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | own) as server:
        assert server.stdout is not None
        told = re.search(r"http://\S+", server.stdout.readline())
        assert told, "the console did not start; its error stands above"
        try:
            yield Site(told[0], folder, ids, mistakes)
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode == 0


@pytest.fixture
def open_context(chromium: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Browsers nobody has used; a mistake of a script, a broken policy or an answer 5xx fails the test."""
    opened, mistakes = list[BrowserContext](), list[str]()

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("response", lambda one: mistakes.append(f"{one.status} {one.url}") if one.status >= 500 else None)
        page.on("console", lambda one: mistakes.append(one.text) if "Content Security Policy" in one.text else None)

    def make(**options: object) -> BrowserContext:
        context = chromium.new_context(base_url=site.address, **{"viewport": WIDE, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", watch)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()
    assert mistakes == []


@contextmanager
def first_visit(chromium: Browser, address: str) -> Iterator[Page]:
    """A page of a browser that nobody has used; a mistake of a script fails the test."""
    context = chromium.new_context(base_url=address)
    shown, mistakes = context.new_page(), list[str]()
    shown.on("pageerror", lambda error: mistakes.append(str(error)))
    yield shown
    context.close()
    assert mistakes == []


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    """A page of a wide window."""
    return open_context().new_page()


def _world(folder: Path, album: Callable[[Path], Corpus]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The site's corpora, runs and pictures below ``folder``; the album's ids by name, and the run's mistakes."""
    for name in ("album", *WRITTEN):
        album(folder / "made")
        shutil.move(folder / "made" / "album.lance", folder / f"{name}.lance")
    register("colours", _mean_colour(), input_size=8, labels=COLOURS, licence="MIT", metric="none", protocol="none")
    for count, where in ((6, "pictures"), (3, "new/few")):
        _coloured(folder / where, count)
    (folder / "new/few/<i>wreck.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (folder / "sent.png").write_bytes(_colour(0, 99))
    ingest(folder / "pictures", folder / "colours.lance", workers=1)
    categorise(folder / "colours.lance", model="colours", workers=1)
    Corpus.create(folder / "grows.lance")
    table = Corpus.open(folder / "album.lance").dataset.to_table(columns=["id", "source", "category"])
    ids = {
        Path(source).name: one.hex()
        for one, source in zip(table["id"].to_pylist(), table["source"].to_pylist(), strict=True)
    }
    return ids, _runs(folder, ids)


def _coloured(folder: Path, each: int) -> None:
    folder.mkdir(parents=True)
    for kind, name in enumerate(COLOURS):
        for number in range(each):
            (folder / f"{name} {number}.png").write_bytes(_colour(kind, 10 * each + number))


def _colour(kind: int, seed: int) -> bytes:
    """A PNG of one colour more than of the others."""
    pixels = np.random.default_rng([kind, seed]).integers(0, 100, (6, 8, 3))
    pixels[..., kind] += 140
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).resize((240, 180), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def _mean_colour() -> bytes:
    """A network whose embedding is the mean colour, and whose logits are multiples of it."""
    given = {"axes": np.array([1, 2]), "most": np.array(255, np.float32), "weights": 10 * np.eye(3, dtype=np.float32)}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "most"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "S", "S", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", None]) for name in ("embedding", "logits")],
        [numpy_helper.from_array(value, name) for name, value in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def _runs(folder: Path, ids: dict[str, str]) -> tuple[str, ...]:
    """Two runs on the album; the second was validated, and took 00.jpg for a beagle and 09.jpg for a pizza."""
    kinds = ("tabby", "beagle", "pizza")
    names = [f"{number:02d}.jpg" for number in range(24)]
    target = [kinds[number // 8] for number in range(24)]
    predicted = [{0: "beagle", 9: "pizza"}.get(number, kind) for number, kind in enumerate(target)]
    for name, rate in (("first", 0.1), ("second", 0.3)):
        run = RunFolder.create(folder / "runs", name)
        run.write_settings(
            {
                "name": name,
                "data": {"corpora": [{"path": str(folder / "album.lance"), "version": 3}]},
                "optimiser": {"rate": rate},
            }
        )
        for step in range(1, 9):
            run.log("train", 10 * step, 80 * step, loss=2 / (step * rate + 1))
        for step in range(1, 5):
            run.log("validation", 20 * step, 160 * step, accuracy=1 - 0.5 / (step + rate), loss=1 / step)
    loss = np.where([one != other for one, other in zip(target, predicted, strict=True)], 3.0, 0.1) - 0.001 * np.arange(
        24
    )
    table = {
        "id": pa.array([bytes.fromhex(ids[name]) for name in names], pa.binary(16)),
        "source": pa.array([0] * 24, pa.int16()),
        "target": target,
        "predicted": predicted,
        "confidence": pa.array(np.full(24, 0.8), pa.float32()),
        "loss": pa.array(loss, pa.float32()),
    }
    RunFolder.open(folder / "runs" / "second").write_validation(pa.table(table))
    return ids["00.jpg"], ids["09.jpg"]
