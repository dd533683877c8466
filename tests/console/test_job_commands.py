"""From requests to arguments of `eye`: defaults, what goes together, and hostile input that becomes nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from compoundeye.console._job_commands import Command, JobRequest, command, command_again
from compoundeye.console._refusals import Forbidden, NotFound, Refusal, Unprocessable
from compoundeye.console._roots import folder, source
from compoundeye.console._state import Console, Served
from compoundeye.models import catalogue

REQUESTS: TypeAdapter[Any] = TypeAdapter(JobRequest)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A root with a few things in it, and a secret beside it."""
    made = tmp_path / "inbox"
    for name in ("cats", "--json", "a;rm -rf $HOME", "über [1]*"):
        (made / name).mkdir(parents=True)
    (made / "one.tar").write_bytes(b"")
    (made / "list.csv").write_text("path\n/etc/passwd\n")
    (tmp_path / "secret").mkdir()
    (tmp_path / "inbox2").mkdir()
    (made / "way-out").symlink_to(tmp_path / "secret")
    (made / "inside").symlink_to(made / "cats")
    return made


@pytest.fixture
def console(inbox: Path) -> Console:
    return Console(Served(("/corpora/cats.lance", "s3://bucket/dogs.lance"), roots=(str(inbox), "s3://bucket/new?x=1")))


def made(console: Console, **asked: Any) -> Command:
    return command(console, REQUESTS.validate_python({"corpus": "cats", **asked}))


def test_a_folder_is_ingested_by_its_whole_path(console: Console, inbox: Path) -> None:
    found = made(console, kind="ingest", sources=[f"{inbox}/cats/../cats/"], workers=2, retry_failed=True)
    options = ("--json", "--workers=2", "--retry-failed")
    assert found.arguments == ("ingest", *options, "--", f"{inbox}/cats", "/corpora/cats.lance")
    assert (found.title, found.corpus) == (f"{inbox}/cats", "/corpora/cats.lance")


@pytest.mark.parametrize("name", ["--json", "a;rm -rf $HOME", "über [1]*", "one.tar", "."])
def test_names_that_look_like_something_else_stay_names(console: Console, inbox: Path, name: str) -> None:
    found = made(console, kind="ingest", sources=[f"{inbox}/{name}"])
    place = os.path.normpath(f"{inbox}/{name}")
    assert found.arguments == ("ingest", "--json", "--", place, "/corpora/cats.lance")


def test_links_lead_where_they_lead(inbox: Path) -> None:
    assert source(f"{inbox}/inside", [str(inbox)]) == f"{inbox}/cats"
    assert source(f"{inbox}/cats", [str(inbox / "inside")]) == f"{inbox}/cats"
    with pytest.raises(Forbidden, match="not below what this console may read from"):
        source(f"{inbox}/way-out", [str(inbox)])


@pytest.mark.parametrize(
    "place",
    [
        "/etc",
        "{inbox}/../secret",
        "{inbox}/../inbox2",
        "{inbox}2",
        "{inbox}/way-out/.",
        "{inbox}/*/../../secret",
        "/proc/self/root/etc",
        "~root/x",
        "file:///etc",
        "http://example.org/a.tar",
        "s3://bucket/newer/x",
        "s3://bucket",
        "s3://bucket/new/../dogs.lance",
        "s3://bucket/new/%2e%2e/dogs.lance",
        "s3://bucket/new?endpoint_override=example.org",
        "s3://user:secret@bucket/new/x",
        "s3://bucket/new/*",
        "gs://bucket/new/x",
        "--json",
        "cats",
        "{inbox}/cats\0",
        "{inbox}/cats\n",
        "{inbox}/\x1b[31m",
        "{inbox}/none",
        "{inbox}/*",
        "{inbox}/list.csv",
        "/" + "a" * 5000,
        "{inbox}/" + "a" * 300,
    ],
)
def test_places_outside_the_roots_are_refused(console: Console, inbox: Path, place: str) -> None:
    with pytest.raises((Forbidden, Unprocessable)):
        source(place.format(inbox=inbox), console.served.roots)


def test_what_lies_outside_is_not_even_told_to_be_there(console: Console, inbox: Path) -> None:
    told = set()
    for name in ("secret", "nothing"):
        with pytest.raises(Forbidden) as refused:
            source(str(inbox.parent / name), console.served.roots)
        told.add(str(refused.value))
    assert len(told) == 1


def test_addresses_below_a_root_get_its_options(console: Console) -> None:
    assert source("s3://bucket/new/june/1", console.served.roots) == "s3://bucket/new/june/1?x=1"
    found = made(console, corpus="dogs", kind="ingest", sources=["s3://bucket/new"])
    assert found.arguments[-2:] == ("s3://bucket/new?x=1", "s3://bucket/dogs.lance")
    assert found.title == "s3://bucket/new"


def test_without_roots_nothing_is_read(inbox: Path) -> None:
    with pytest.raises(Forbidden, match="--root"):
        source(str(inbox), [])
    with pytest.raises(Forbidden, match="--root"):
        source("s3://bucket/x", [])


def test_the_whole_disk_may_be_a_root(inbox: Path) -> None:
    assert source(str(inbox), ["/"]) == str(inbox)


def test_examples_are_a_folder(inbox: Path) -> None:
    with pytest.raises(Unprocessable, match="give a folder"):
        folder(f"{inbox}/one.tar", [str(inbox)])


def test_the_defaults_of_categorise_are_those_of_the_command(console: Console) -> None:
    found = made(console, kind="categorise")
    options = ("--json", "--model=efficientnet-lite0", "--name=category")
    assert found.arguments == ("categorise", *options, "--", "/corpora/cats.lance")


def test_every_way_of_categorising(console: Console, inbox: Path) -> None:
    reader = next(card.name for card in catalogue().values() if card.text)
    words = made(
        console, kind="categorise", way="words", model=reader, categories=["--a cat", "a dog"], calibrate=True, name="x"
    )
    assert words.arguments[1:-2] == (
        "--json",
        f"--model={reader}",
        "--name=x",
        "--categories=--a cat,a dog",
        "--calibrate",
    )
    learnt = made(
        console, kind="categorise", way="examples", examples=f"{inbox}/cats", use_corrections=True, precision=0.95
    )
    assert learnt.arguments[4:-2] == (f"--examples={inbox}/cats", "--use-corrections", "--precision=0.95")
    fixed = made(console, kind="categorise", way="corrections", replace_embeddings=True)
    assert fixed.arguments[4:-2] == ("--use-corrections", "--replace-embeddings")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"model": "../../x"}, "has no model"),
        ({"model": "--json"}, "has no model"),
        ({"model": "/tmp/hub-folder"}, "has no model"),
        ({"way": "examples"}, "give a folder with one subfolder"),
        ({"way": "examples", "examples": "/etc"}, "not below"),
        ({"way": "corrections", "calibrate": True}, "calibrated on themselves"),
        ({"way": "words", "categories": ["a", "b"]}, "does not read text"),
    ],
)
def test_what_does_not_go_together_is_told(console: Console, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(Refusal, match=why):
        made(console, kind="categorise", **asked)


@pytest.mark.parametrize("categories", [["a"], ["a", "A"], ["a,b", "c"], ["a", "b\0"]])
def test_categories_are_at_least_two_plain_names(console: Console, categories: list[str]) -> None:
    reader = next(card.name for card in catalogue().values() if card.text)
    with pytest.raises(Unprocessable, match="categories"):
        made(console, kind="categorise", way="words", model=reader, categories=categories)


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "rm"},
        {"kind": "ingest", "sources": []},
        {"kind": "ingest", "sources": ["/a"] * 101},
        {"kind": "ingest", "sources": ["/a"], "workers": 0},
        {"kind": "ingest", "sources": ["/a"], "arguments": ["--max-pixels=1"]},
        {"kind": "categorise", "name": "Category"},
        {"kind": "categorise", "name": "a\n"},
        {"kind": "categorise", "name": "--json"},
        {"kind": "categorise", "precision": 1.0},
        {"kind": "categorise", "precision": float("nan")},
        {"kind": "categorise", "way": "magic"},
    ],
)
def test_values_that_make_no_sense_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REQUESTS.validate_python({"corpus": "cats", **asked})


def test_only_corpora_that_are_served(console: Console) -> None:
    with pytest.raises(NotFound):
        made(console, corpus="/etc", kind="categorise")


def test_another_console_may_only_do_what_it_may(console: Console, inbox: Path) -> None:
    begun = made(console, kind="ingest", sources=[f"{inbox}/cats"])
    assert command_again(console, begun.asked, begun.corpus).arguments == begun.arguments
    renamed = Console(Served(("/other/cats.lance", "/corpora/cats.lance"), roots=(str(inbox),)))
    assert command_again(renamed, begun.asked, begun.corpus).arguments == begun.arguments
    with pytest.raises(Forbidden, match="does not serve the corpus"):
        command_again(Console(Served(("/other/cats.lance",), roots=(str(inbox),))), begun.asked, begun.corpus)
    with pytest.raises(Forbidden, match="--root"):
        command_again(Console(Served(("/corpora/cats.lance",))), begun.asked, begun.corpus)
    with pytest.raises(Unprocessable, match="of a kind"):
        command_again(console, {"kind": "train"}, begun.corpus)
    with pytest.raises(Unprocessable, match="another version"):
        command_again(console, {"kind": "ingest", "folder": "/x"}, begun.corpus)
