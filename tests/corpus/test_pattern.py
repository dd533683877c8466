"""Patterns mean what a shell means by them, in the order of names."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

import pytest

from compoundeye.corpus import CorpusError, _pattern
from compoundeye.corpus._inputs import Inputs
from compoundeye.corpus._pattern import is_pattern, matches
from compoundeye.corpus._place import Place, Status, children

FILES = ["a.jpg", "b.jpg", "c.png", ".h.jpg", "x/a.jpg", "x/y/b.jpg", "x/y/z/c.jpg", "w/[1].jpg", "x/.d/e.jpg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    "pattern", ["*.jpg", "?.jpg", "[ab].jpg", "*/*.jpg", "**/*.jpg", "x/**/*.jpg", ".*.jpg", "x/*/b.jpg", "w/[[]1].jpg"]
)
def test_files_that_match_are_those_of_the_standard_library(folder: Path, pattern: str) -> None:
    found = [place.path for place, _ in matches(Place(f"{folder}/{pattern}"))]
    assert len(found) == len(set(found)) > 0
    assert set(found) == set(glob.glob(f"{folder}/{pattern}", recursive=True))


def test_any_depth_at_the_end_means_all_files_below(folder: Path) -> None:
    found = [place.path for place, _ in matches(Place(f"{folder}/x/**"))]
    assert found == [f"{folder}/x/{name}" for name in ("a.jpg", "y/b.jpg", "y/z/c.jpg")]


def test_any_depth_does_not_follow_links_in_circles(folder: Path) -> None:
    (folder / "x" / "up").symlink_to(folder)
    found = [place.path for place, _ in matches(Place(f"{folder}/**/c.jpg"))]
    assert found == [f"{folder}/x/y/z/c.jpg"]


def test_a_folder_that_matches_is_taken_with_all_below(folder: Path) -> None:
    sources = [one.source.removeprefix(f"{folder}/") for one in Inputs([f"{folder}/[x]"])]
    assert sources == ["x/.d/e.jpg", "x/a.jpg", "x/y/b.jpg", "x/y/z/c.jpg"]


def test_a_name_that_is_there_is_no_pattern(folder: Path) -> None:
    assert [one.source for one in Inputs([folder / "w" / "[1].jpg"])] == [f"{folder}/w/[1].jpg"]


def test_a_folder_that_cannot_be_listed_is_not_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def guarded(place: Place) -> Iterator[tuple[Place, Status]]:
        if place.path.endswith("/y"):
            raise PermissionError(13, "Permission denied")
        return children(place)

    monkeypatch.setattr(_pattern, "children", guarded)
    found = {
        place.path.removeprefix(f"{folder}/"): status.kind for place, status in matches(Place(f"{folder}/x/**/*.jpg"))
    }
    assert found == {"x/a.jpg": "file", "x/y": "cannot list folder: permission denied"}


@pytest.mark.parametrize("pattern", ["*.tiff", "nowhere/*.jpg", "a.jpg/*"])
def test_a_pattern_that_matches_nothing_is_a_mistake(folder: Path, pattern: str) -> None:
    with pytest.raises(CorpusError, match="nothing matches"):
        Inputs([f"{folder}/{pattern}"])


def test_the_options_of_a_uri_are_no_pattern() -> None:
    assert not is_pattern("s3://bucket/folder?endpoint_override=localhost:1")
    assert is_pattern("s3://bucket/*.tar?endpoint_override=localhost:1")
    assert is_pattern("/folder/a?.jpg")
