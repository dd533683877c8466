"""`categorise`: from what a user asks for to a recipe, and from a recipe to a report."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from compoundeye.categorise._corrected import Fitted, fit_on_corrections, uncalibrated
from compoundeye.categorise._hedge import LEAST_BITS
from compoundeye.categorise._job import run
from compoundeye.categorise._labelled import Labelled, both, from_corrections, from_folder
from compoundeye.categorise._learn import learn
from compoundeye.categorise._look import ModelRef, reference
from compoundeye.categorise._promise import check_precision
from compoundeye.categorise._recipe import Recipe, canonical
from compoundeye.categorise._report import CategoriseReport, against_corrections, tally
from compoundeye.categorise._rules import ByLabels, ByText
from compoundeye.categorise._shard import Job
from compoundeye.cluster import Engine, Local
from compoundeye.corpus import Corpus
from compoundeye.models import Labels, Vision, load_text
from compoundeye.records import EyeError, Progress

DEFAULT_MODEL = "efficientnet-lite0"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED = {"embedding", "label"}


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A recipe, and what is known of it before it is used."""

    recipe: Recipe
    way: str
    classifier: str
    fitted: Fitted
    categories: Labels
    refused: tuple[tuple[str, str], ...] = ()


def categorise(
    corpus: str | os.PathLike[str] | Corpus,
    *,
    model: str = DEFAULT_MODEL,
    examples: str | os.PathLike[str] | None = None,
    use_corrections: bool = False,
    categories: Sequence[str] | None = None,
    calibrate: bool = False,
    precision: float | None = None,
    name: str = "category",
    replace_embeddings: bool = False,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> CategoriseReport:
    """Say what each picture of a corpus shows, or abstain; results are columns of the corpus.

    Three ways: the model's own labels (the default; with a tree, the most telling category that is sure enough), a
    person's categories by ``examples`` or ``use_corrections``, or ``categories`` in words where the model reads text.
    Run again it does only what is left: new pictures, or what a kill left undone.

    Args:
        corpus: where the pictures are.
        model: of the catalogue, or a folder in the hub's layout.
        examples: a folder with one subfolder of pictures a category.
        use_corrections: learn from the labels that people gave to pictures of this corpus (with ``examples``: too).
        categories: names in words, for models with a text half.
        calibrate: fit confidences to the corrections in this corpus (labels and text only; 200 or more).
        precision: share of the labelled pictures that has to be right, 0.5 or more: below it pictures are abstained.
            None answers whatever is likelier than not.
        name: of the columns: NAME, NAME_confidence, NAME_best, NAME_best_confidence, NAME_state, NAME_reason,
            NAME_by, NAME_version.
        replace_embeddings: let this model's embeddings replace another model's.
        workers: processes; None for one a core.
        engine: where shards run, instead of this machine's processes.
        progress: told (pictures done, pictures in all).

    Raises:
        EyeError: what was asked for cannot be done; the message says what can.
        CorpusError: there is no such corpus, or another categorise is at work on it.
    """
    began = time.perf_counter()
    _check(precision, examples is not None or use_corrections, categories, calibrate)
    store = corpus.refresh() if isinstance(corpus, Corpus) else Corpus.open(corpus)
    _check_name(store, name)
    engine = engine or Local(workers)
    ref, vision = reference(model)
    if categories is not None:
        plan = _by_text(store, ref, vision, engine, categories, precision, calibrate)
    elif examples is not None or use_corrections:
        plan = _by_examples(store, ref, vision, engine, examples, use_corrections, precision)
    else:
        plan = _by_labels(store, ref, vision, engine, precision, calibrate)
    keep = _keep_embeddings(store, plan.recipe, vision.card.embedding_dim, replace=replace_embeddings)
    job = Job(store.path, name, plan.recipe, keep)
    account = run(job, store, engine, vision.card.embedding_dim, progress)
    _note(store, name, plan)
    whole, counts, abstained = tally(store, name)
    learnt_from_them = use_corrections or calibrate
    corrected, precise = (None, None) if learnt_from_them else against_corrections(store, name, plan.categories)
    return CategoriseReport(
        name=name,
        way=plan.way,
        classifier=plan.classifier,
        by=plan.recipe.by,
        account=whole,
        counts=counts,
        abstained=abstained,
        quality=plan.fitted.quality,
        promise=plan.fitted.promise,
        corrected=corrected,
        corrected_precision=precise,
        refused=plan.refused,
        new=account.seen,
        seconds=time.perf_counter() - began,
    )


def _by_labels(
    store: Corpus, ref: ModelRef, vision: Vision, engine: Engine, precision: float | None, calibrate: bool
) -> _Plan:
    labels = vision.labels
    if labels is None:
        raise EyeError(
            f"{vision.card.name} has no labels of its own: give --examples, --use-corrections or, if it reads text, "
            f"--categories; or use --model {DEFAULT_MODEL}"
        )
    fitted = uncalibrated(precision)
    if calibrate:
        corrected = from_corrections(store, ref, str(vision.identity), engine, logits=True)
        if corrected.logits is None:
            raise EyeError(f"--calibrate needs corrections and {store.path} has none; make some with `eye correct`")
        fitted = fit_on_corrections(corrected.logits, corrected.labels, labels, precision)
    settings = {
        "way": "labels",
        "temperature": fitted.calibration.temperature,
        "threshold": fitted.threshold,
        "bits": LEAST_BITS,
    }
    recipe = Recipe(ref, vision.identity, ByLabels(fitted.calibration, fitted.threshold), canonical(settings))
    return _Plan(recipe, "labels", f"{vision.card.name}, {len(labels)} labels", fitted, labels)


def _by_examples(
    store: Corpus,
    ref: ModelRef,
    vision: Vision,
    engine: Engine,
    folder: str | os.PathLike[str] | None,
    use_corrections: bool,
    precision: float | None,
) -> _Plan:
    found: Labelled | None = None if folder is None else from_folder(folder, ref, engine)
    if use_corrections:
        corrected = from_corrections(store, ref, str(vision.identity), engine)
        found = corrected if found is None else both(found, corrected)
    assert found is not None
    if not found.ids:
        why = f" (the first: {found.refused[0][0]}: {found.refused[0][1]})" if found.refused else ""
        raise EyeError(f"there is no example to learn from{why}; give pictures with --examples, or correct some first")
    learnt = learn(found.embedding, found.labels, precision)
    settings = {"way": "examples", "examples": found.digest, "precision": precision}
    recipe = Recipe(ref, vision.identity, learnt.rule, canonical(settings))
    fitted = Fitted(learnt.rule.calibration, float(learnt.rule.thresholds.min()), learnt.quality, learnt.promise)
    words = f"{learnt.classifier} on {len(found.ids)} examples of {len(learnt.rule.names)} categories"
    return _Plan(recipe, "examples", words, fitted, Labels(learnt.rule.names), found.refused)


def _by_text(
    store: Corpus,
    ref: ModelRef,
    vision: Vision,
    engine: Engine,
    categories: Sequence[str],
    precision: float | None,
    calibrate: bool,
) -> _Plan:
    names = tuple(dict.fromkeys(word.strip() for word in categories if word.strip()))
    if len({word.casefold() for word in names}) != len(names) or len(names) < 2:
        raise EyeError("--categories needs at least two different names, separated by commas")
    reader = load_text(ref.name)
    independent = reader.independent
    if calibrate and independent:
        raise EyeError(f"{vision.card.name} judges each category alone, which --calibrate cannot fit; leave it out")
    fitted = uncalibrated(precision)
    texts = reader.categories(names)
    rule = ByText(
        names, texts, reader.logit_scale, reader.logit_bias, independent, fitted.calibration, fitted.threshold
    )
    if calibrate:
        corrected = from_corrections(store, ref, str(vision.identity), engine)
        if not corrected.ids:
            raise EyeError(f"--calibrate needs corrections and {store.path} has none; make some with `eye correct`")
        fitted = fit_on_corrections(rule.logits(corrected.embedding), corrected.labels, Labels(names), precision)
        rule = ByText(
            names, texts, reader.logit_scale, reader.logit_bias, independent, fitted.calibration, fitted.threshold
        )
    settings = {
        "way": "text",
        "categories": names,
        "temperature": fitted.calibration.temperature,
        "threshold": fitted.threshold,
    }
    recipe = Recipe(ref, vision.identity, rule, canonical(settings))
    return _Plan(recipe, "text", f"{vision.card.name}, {len(names)} categories in words", fitted, Labels(names))


def _keep_embeddings(store: Corpus, recipe: Recipe, dimension: int, *, replace: bool) -> bool:
    """Whether to write embeddings. Another model's stay unless asked: somebody may search by them."""
    if not store.has_column("embedding_by"):
        return True
    by = recipe.embedding_by.replace("'", "''")
    others = store.dataset.scanner(columns=["embedding_by"], filter=f"embedding_by <> '{by}'", limit=1).to_table()
    if not others.num_rows:
        return True
    if not replace:
        return False
    if store.dataset.schema.field("embedding").type.list_size != dimension:
        store.dataset.drop_columns(["embedding", "embedding_by"])
        store.refresh()
    return True


def _note(store: Corpus, name: str, plan: _Plan) -> None:
    """Keep with the corpus how the confidences were made, for who reads them later: ``by`` alone does not tell."""
    quality = plan.fitted.quality
    known = {
        "by": plan.recipe.by,
        "classifier": plan.classifier,
        "method": quality.method,
        "pictures": quality.pictures,
        "ece": quality.ece if math.isfinite(quality.ece) else None,
    }
    if store.config(f"calibration.{name}") != known:
        store.set_config(f"calibration.{name}", known)


def _check(precision: float | None, by_example: bool, categories: Sequence[str] | None, calibrate: bool) -> None:
    check_precision(precision)
    if by_example and categories is not None:
        raise EyeError("categories come either from examples or from words: give --examples or --categories, not both")
    if calibrate and by_example:
        raise EyeError("--calibrate is for labels and words; examples are calibrated on themselves, held out in turn")


def _check_name(store: Corpus, name: str) -> None:
    """A result's own columns may be there already; anybody else's may not."""
    foreign = store.has_column(name) and not store.has_column(f"{name}_by")
    if not _NAME.fullmatch(name) or name in _RESERVED or foreign:
        raise EyeError(f"{name!r} cannot name a result: use small letters, digits and _, and no column of the corpus")
