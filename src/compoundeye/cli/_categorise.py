"""`eye categorise`: what the pictures of a corpus show."""

from __future__ import annotations

from math import isnan
from typing import Annotated

import typer

from compoundeye.categorise import CategoriseReport
from compoundeye.categorise import categorise as say
from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress

SHOWN = 25


def categorise(
    corpus: Annotated[str, typer.Argument(help="The corpus.")],
    model: Annotated[
        str, typer.Option(help="A model of `eye models`, or a folder in the hub's layout.")
    ] = "efficientnet-lite0",
    examples: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Your own categories: a folder with one subfolder of pictures for each."),
    ] = None,
    use_corrections: Annotated[
        bool, typer.Option("--use-corrections", help="Learn from the labels given with `eye correct` (too).")
    ] = False,
    categories: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Categories in words, for models that read text.")
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Of 0.95, at most one label in twenty is wrong; the rest is abstained."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Fit confidences to 200 corrections or more (labels and words).")
    ] = False,
    name: Annotated[str, typer.Option(help="Of the result: NAME, NAME_confidence, NAME_state, ... are columns.")] = (
        "category"
    ),
    replace_embeddings: Annotated[
        bool, typer.Option("--replace-embeddings", help="Let this model's embeddings replace another model's.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Say what each picture shows, or abstain. Run it again to do what is new, or to go on after a stop.

    Three ways: the model's own labels (a doubtful tabby is still a cat), your categories by a few examples of each, or
    categories in words. A precision is promised only as far as labelled pictures show it; the report says how far.

    Example:
      eye categorise corpus.lance
      eye categorise corpus.lance --examples labelled/ --precision 0.95
      eye categorise corpus.lance --use-corrections --name mine
      eye categorise corpus.lance --model clip-vit-base-patch32 --categories "a cat,a dog,a street"
    """
    with progress("categorise", unit="pictures") as tell:
        found = say(
            corpus,
            model=model,
            examples=examples,
            use_corrections=use_corrections,
            categories=None if categories is None else categories.split(","),
            precision=precision,
            calibrate=calibrate,
            name=name,
            replace_embeddings=replace_embeddings,
            workers=workers,
            progress=tell,
        )
    if json:
        print_json(found)
    else:
        _show(found)


def _show(found: CategoriseReport) -> None:
    account = found.account
    print_table(
        ("seen", "labelled", "abstained", "failed", "new in this run", "pictures/s"),
        [(account.seen, account.done, account.abstained, account.failed, found.new, found.rate if found.new else None)],
    )
    if found.counts:
        print_table((found.name, "pictures"), list(found.counts.items())[:SHOWN])
    if len(found.counts) > SHOWN:
        note(f"... and {len(found.counts) - SHOWN:,} more categories; --json lists all.")
    why = [("abstained", n, reason) for reason, n in found.abstained.items()]
    why += [("failed", n, reason) for reason, n in account.reasons.most_common()]
    if why:
        print_table(("outcome", "pictures", "why"), why)
    _explain(found)


def _explain(found: CategoriseReport) -> None:
    """How far the answers can be trusted, in sentences."""
    note(f"By {found.classifier}.")
    for where, reason in found.refused[:SHOWN]:
        note(f"Example not used: {where}: {reason}.")
    if found.quality.pictures:
        note(
            f"Confidences are off by {found.quality.ece:.3f} on average (calibration error), the best answer is right "
            f"for {found.quality.accuracy:.1%} of {found.quality.pictures:,} pictures: {found.quality.data}."
        )
    promise = found.promise
    if promise.asked is not None and promise.shown:
        note(
            f"Precision {promise.asked:g} is shown: at least {promise.lower_bound:.3f} with 90 % confidence, on "
            f"{promise.pictures:,} labelled pictures; it holds for pictures like those."
        )
    elif promise.asked is not None:
        note(f"Precision {promise.asked:g} is not shown.")
    if promise.note:
        note(f"{promise.note[0].upper()}{promise.note[1:]}.")
    checked = found.corrected_precision
    if checked is not None and checked.pictures and not isnan(checked.estimate):
        note(
            f"Of {checked.pictures:,} labelled pictures that people have corrected, {checked.estimate:.1%} are right "
            "(people correct what looks wrong, so the rest is likely better)."
        )
