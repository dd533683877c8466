"""The examples of docs/console.md, word for word: against a real server, on a small corpus."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from compoundeye.console._pages import PAGES
from compoundeye.corpus import Corpus

DOCS = Path(__file__).parents[2] / "docs" / "console.md"
API = DOCS.read_text().partition("## The API")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(sh|json)\n(.*?)^```", API, re.DOTALL | re.MULTILINE)
END = "=== end of block"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, album: Callable[[Path], Corpus]) -> Iterator[list[str]]:
    """What each block of commands prints, in order."""
    place = tmp_path_factory.mktemp("docs")
    shutil.move(album(place).path, place / "corpus.lance")
    pictures = place / "Pictures"
    pictures.mkdir()
    Image.new("RGB", (64, 48), "teal").save(pictures / "new.png")
    environment = os.environ | {"COMPOUNDEYE_HOME": str(place / "home"), "PICTURES": str(pictures)}
    command = [sys.executable, "-m", "compoundeye.cli", "console", "corpus.lance", "--port", "0", "--no-open"]
    with subprocess.Popen(
        [*command, "--root", str(pictures)], stdout=subprocess.PIPE, text=True, cwd=place, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            environment["EYE"] = server.stdout.readline().split(" at ")[1].split()[0]
            script = "\n".join(f"{text}\necho; echo '{END}'" for kind, text in BLOCKS if kind == "sh")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=place,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
            )
            assert done.returncode == 0, (done.stderr, done.stdout[-2000:])
            yield done.stdout.split(END)[:-1]
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def values(text: str) -> list[Any]:
    """All JSON values that stand one after another in a text."""
    decoder, found, at = json.JSONDecoder(), list[Any](), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        else:
            value, at = decoder.raw_decode(text, at)
            found.append(value)
    return found


def assert_like(shown: Any, real: Any, where: str = "") -> None:
    """Every name that the docs show is in the answer, with a value of the same kind."""
    if isinstance(shown, dict):
        for name in shown:
            assert name in real, f"{where}.{name}"
            assert_like(shown[name], real[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), where
        for one in shown[:1]:
            assert real, where
            assert_like(one, real[0], f"{where}[0]")
    else:
        assert type(shown) is type(real), (where, shown, real)


def test_every_example_answers_in_json(answers: list[str]) -> None:
    found = [values(text) for text in answers]
    assert len(found) >= 8
    assert sum(map(len, found)) >= 12


def test_answers_look_as_the_docs_show_them(answers: list[str]) -> None:
    number, compared = -1, 0
    for kind, text in BLOCKS:
        if kind == "sh":
            number += 1
        else:
            assert_like(json.loads(text.replace("\n", " ")), values(answers[number])[-1])
            compared += 1
    assert compared >= 4


def test_what_was_labelled_was_taken_back_and_the_job_is_done(answers: list[str]) -> None:
    said = [value for text in answers for value in values(text)]
    assert next(one for one in said if isinstance(one, dict) and "changed" in one)["changed"] == 1
    labels = next(one for one in said if isinstance(one, list) and one and "people" in one[0])
    assert labels[0] == {"name": "lynx", "people": 1, "model": 0}
    job = next(one for one in said if isinstance(one, dict) and "arguments" in one)
    assert (job["state"], job["kind"]) == ("done", "ingest")


def test_every_listed_page_is_told_of() -> None:
    text = DOCS.read_text()
    for page in PAGES:
        if page.listed:
            assert f"- **{page.title}** (`{page.path.replace('{corpus}', 'CORPUS')}`)" in text, page.name
