"""The job on small real corpora: what is done once stays done, and others may write meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from compoundeye.categorise import categorise
from compoundeye.categorise._answers import result_schema
from compoundeye.categorise._calibrate import Calibration
from compoundeye.categorise._job import begin, pending, run
from compoundeye.categorise._look import reference
from compoundeye.categorise._recipe import Recipe, canonical
from compoundeye.categorise._rules import ByLabels
from compoundeye.categorise._shard import Job, Shard, run_shard
from compoundeye.corpus import Corpus, CorpusError
from compoundeye.records import EyeError, picture_id

MODEL = "efficientnet-lite0"
DIMENSION = 1280


def job_of(corpus: Corpus, threshold: float = 0.5, name: str = "category") -> Job:
    ref, vision = reference(MODEL)
    rule = ByLabels(Calibration(), threshold)
    recipe = Recipe(ref, vision.identity, rule, canonical({"threshold": threshold}))
    return Job(corpus.path, name, recipe, keep_embedding=True)


class Meddling:
    """An engine that lets somebody else write to the corpus after each shard."""

    def __init__(self, meddle: Callable[[int], None]) -> None:
        self._meddle = meddle
        self.shards = 0

    def map(self, work: Callable[[Any], Any], shards: Iterable[Any], **_: object) -> Iterator[Any]:
        for shard in shards:
            result = work(shard)
            self.shards += 1
            self._meddle(self.shards)
            yield result


def quiet(_: int) -> None:
    """Nobody meddles."""


def test_a_shard_touches_nothing_until_it_is_committed(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus(views("cat", 4))
    job = job_of(corpus)
    corpus.ensure_columns(result_schema("category"))
    corpus.ensure_columns(
        pa.schema([pa.field("embedding", pa.list_(pa.float16(), DIMENSION)), pa.field("embedding_by", pa.string())])
    )
    version = corpus.version
    part = run_shard(job, Shard(version, 0, True, version))
    assert part.account.seen == 4
    assert Corpus.open(corpus.path).version == version
    assert part.staged is not None
    assert corpus.commit_columns([part.staged])
    assert pending(corpus.refresh(), job) == {}
    again = run_shard(job, Shard(corpus.version, 0, False, version))
    assert again.staged is None
    assert again.account.seen == 0


def test_every_picture_ends_as_something_by_id(make_corpus: Any, views: Any) -> None:
    hostile = [b"", b"\xff\xd8\xff", views("cat", 1)[0][:900], b"GIF89a"]
    corpus = make_corpus(views("coffee", 5) + hostile, views("cat", 3))
    report = categorise(corpus, workers=1)
    assert report.account.seen == corpus.refresh().rows == 12
    assert report.account.failed == 4
    assert report.account.reasons.total() == 4
    assert report.account.seen == report.account.done + report.account.abstained + report.account.failed
    assert report.counts["espresso"] >= 3
    rows = corpus.dataset.to_table().to_pylist()
    for row in rows:
        failed = row["id"] in {picture_id(data) for data in hostile}
        assert (row["category_state"] == "failed") == failed
        assert (row["embedding"] is None) == failed
        assert (row["category"] is not None) == (row["category_state"] == "done")
        assert (row["category_reason"] is None) == (row["category_state"] == "done")
        assert row["category_by"] == report.by


def test_the_second_run_does_nothing_at_all(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus(views("cat", 3), views("coffee", 3))
    first = categorise(corpus, workers=1)
    version = corpus.refresh().version
    second = categorise(corpus, workers=1)
    assert (first.new, second.new) == (6, 0)
    assert corpus.refresh().version == version
    assert second.account == first.account
    assert second.counts == first.counts


def test_new_pictures_alone_are_looked_at_and_carry_the_version_that_knew_them(
    make_corpus: Any, views: Any, add_rows: Any, results: Any
) -> None:
    corpus = make_corpus(views("cat", 4))
    categorise(corpus, workers=1)
    before = results(corpus)
    add_rows(corpus, views("coffee", 3))
    assert categorise(corpus, workers=1).new == 3
    after = results(corpus)
    assert {key: after[key] for key in before} == before
    versions = corpus.dataset.to_table(["category_version"])["category_version"].to_pylist()
    assert len(set(versions)) == 2
    assert versions[-1] > versions[0]


def test_two_workers_write_what_one_does(make_corpus: Any, views: Any, results: Any) -> None:
    fragments = [views("cat", 4), views("coffee", 4), [*views("rocket", 3), b"bad"]]
    alone, together = make_corpus(*fragments, name="a.lance"), make_corpus(*fragments, name="b.lance")
    categorise(alone, workers=1)
    categorise(together, workers=2)
    assert results(alone) == results(together)


def test_progress_begins_where_the_last_run_ended(make_corpus: Any, views: Any, add_rows: Any) -> None:
    corpus = make_corpus(views("cat", 4))
    categorise(corpus, workers=1)
    add_rows(corpus, views("coffee", 3))
    told: list[tuple[int, int | None]] = []
    categorise(corpus, workers=1, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (4, 7)
    assert told[-1] == (7, 7)


def test_a_correction_in_the_middle_is_kept_and_its_fragment_done_again(
    make_corpus: Any, views: Any, label: Any, results: Any
) -> None:
    cats = views("cat", 3)
    fragments = [views("coffee", 3), cats, views("rocket", 3)]
    corpus, calm = make_corpus(*fragments), make_corpus(*fragments, name="calm.lance")

    def correct(shards: int) -> None:
        if shards == 3:  # all three are staged and none is committed
            label(Corpus.open(corpus.path), {picture_id(cats[1]): "my cat"})

    engine = Meddling(correct)
    account = run(job_of(corpus), corpus, engine, DIMENSION)
    run(job_of(calm), calm, Meddling(quiet), DIMENSION)
    assert account.seen == 9
    assert engine.shards >= 4
    assert corpus.refresh().dataset.count_rows("label = 'my cat'") == 1
    # But for the version: the corpus had one more when the fragment was read again.
    assert results(corpus) == results(calm)


def test_pictures_that_arrive_in_the_middle_are_done_too(make_corpus: Any, views: Any, add_rows: Any) -> None:
    corpus = make_corpus(views("coffee", 3), views("cat", 3))

    def ingest(shards: int) -> None:
        if shards == 1:
            add_rows(Corpus.open(corpus.path), views("rocket", 2))

    account = run(job_of(corpus), corpus, Meddling(ingest), DIMENSION)
    assert account.seen == 8
    assert pending(corpus.refresh(), job_of(corpus)) == {}


def test_others_who_never_stop_end_the_job_with_a_sentence(make_corpus: Any, views: Any, label: Any) -> None:
    cats = views("cat", 2)
    corpus = make_corpus(cats)

    def meddle(shards: int) -> None:
        label(Corpus.open(corpus.path), {picture_id(cats[0]): f"word {shards}"})

    with pytest.raises(EyeError, match="others keep changing"):
        run(job_of(corpus), corpus, Meddling(meddle), DIMENSION)


def test_what_is_staged_when_someone_interrupts_is_not_lost(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus(views("coffee", 3), views("cat", 3), views("rocket", 3))

    def interrupt(shards: int) -> None:
        if shards == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(job_of(corpus), corpus, Meddling(interrupt), DIMENSION)
    # The third shard was never handed over.
    assert pending(corpus.refresh(), job_of(corpus)) == {2: 3}


def test_two_at_once_are_refused(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus(views("cat", 2))
    with corpus.lock("categorise"), pytest.raises(CorpusError, match="another categorise"):
        categorise(corpus, workers=1)


def test_a_run_that_goes_on_keeps_its_version_and_another_recipe_does_not(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus(views("cat", 2), views("coffee", 2))
    corpus.ensure_columns(result_schema("category"))
    job = job_of(corpus)
    left = {0: 2, 1: 2}
    version, mine = begin(corpus, job, left)
    corpus.set_config("something", 1)
    assert begin(corpus, job, {1: 2}) == (version, {1: 2})
    # A fragment that was not there when the job began waits for its own round.
    assert begin(corpus, job, {1: 2, 2: 5}) == (version, {1: 2})
    newer, rest = begin(corpus, job, {2: 5})
    assert newer > version
    assert rest == {2: 5}
    assert begin(corpus, job_of(corpus, 0.9), left)[0] > newer
    assert mine == left


def test_names_that_a_column_has_already_are_refused(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus(views("cat", 1))
    for name in ("id", "width", "embedding", "label", "Category", "my category", "a'b", ""):
        with pytest.raises(EyeError, match="cannot name a result"):
            categorise(corpus, name=name)


def test_an_empty_corpus_is_no_mistake(make_corpus: Any) -> None:
    report = categorise(make_corpus(), workers=1)
    assert report.account.seen == 0
    assert np.isnan(report.coverage)
    assert report.counts == {}


def test_a_path_without_a_corpus_is(tmp_path: Any) -> None:
    with pytest.raises(CorpusError, match="no corpus at"):
        categorise(tmp_path / "nothing.lance")


def test_another_engine_is_used_as_it_is(make_corpus: Any, views: Any) -> None:
    engine = Meddling(quiet)
    categorise(make_corpus(views("cat", 2), views("coffee", 2)), engine=engine)
    assert engine.shards == 2
