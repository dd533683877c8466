"""`eye face evaluate`: how often faces are taken for the wrong person's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from compoundeye.cli._face_gallery import asker, opened
from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Evaluation, Study

Which = Literal["largest", "central"]


def evaluate(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS|GALLERY",
            help="A CSV of path_a,path_b,same; LFW's pairs.txt; a folder a person; an IJB folder or list of pairs; "
            "or a gallery.",
        ),
    ],
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the pictures are, if not beside the list.")
    ] = None,
    templates: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE.csv", help="Tables of templates that an IJB list of pairs is about."),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(metavar="OUT.csv", help="Write the score of each pair; such a file can be evaluated again."),
    ] = None,
    curve: Annotated[
        Path | None, typer.Option("--curve", "-o", metavar="DET.png", help="Draw the curve: .png, .svg or .pdf.")
    ] = None,
    face: Annotated[
        Which | None,
        typer.Option(
            help="Which face of a picture is meant; else the central one in LFW and IJB's crops, the largest elsewhere."
        ),
    ] = None,
    detector: Annotated[str, typer.Option(help="Model that finds faces.")] = "yunet",
    embedder: Annotated[str, typer.Option(help="Model that tells faces apart.")] = "sface",
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Key of a gallery; else EYE_GALLERY_KEY, or staff.key beside staff.gallery."),
    ] = None,
    by: Annotated[str, typer.Option(help="Who asks, for a gallery's audit log; else your login.")] = "",
    why: Annotated[str, typer.Option(help="What for, for a gallery's audit log.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Measure how often faces are taken for the wrong person's: FMR, FNMR, FPIR, FNIR, ranks, by group.

    Every rate comes with the threshold that gives it and an interval over people. A picture without a face counts as
    a failure, not as left out. Pictures of a file of scores are not looked at again.

    Example:
      eye face evaluate pairs.csv --scores scores.csv -o det.png
      eye face evaluate lfw/pairs.txt --json
    """
    if curve is not None and curve.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise EyeError(f"a picture ends in .png, .svg or .pdf, not {curve.name!r}: give another name with -o")
    study = _study(source, pictures, templates or [], key, by, why)
    measured = _measured(study, face, detector, embedder)
    if scores is not None:
        _write_scores(scores, measured)
    if curve is not None:
        from compoundeye.cli._face_det import draw_det

        draw_det(measured, curve)
    if json:
        print_json(measured.report)
    else:
        _print(measured.report)


def _study(source: Path, pictures: Path | None, tables: list[Path], key: Path | None, by: str, why: str) -> Study:
    from compoundeye.apps.face import is_gallery, read_gallery, read_study

    if not is_gallery(source):
        return read_study(source, pictures=pictures, tables=tables)
    gallery = opened(source, key)
    gallery.searched("evaluate", by=asker(by), why=why)
    return read_gallery(gallery)


def _measured(study: Study, face: Which | None, detector: str, embedder: str) -> Evaluation:
    from dataclasses import replace

    from compoundeye.apps.face import FacePipeline, evaluate, look_at
    from compoundeye.models import load_face_detector, load_face_embedder

    if study.embeddings is not None or study.scores is not None:
        return evaluate(study)
    pipeline = FacePipeline(load_face_detector(detector), load_face_embedder(embedder))
    study = study if face is None else replace(study, which=face)
    with progress("faces") as tell:
        looked = look_at(study, pipeline, tell)
    model = {"detector": str(pipeline.detector.identity), "embedder": str(pipeline.embedder.identity)}
    return evaluate(study, looked.embeddings, model=model, reasons=looked.reasons)


def _write_scores(out: Path, measured: Evaluation) -> None:
    """The columns of a file of pairs, and the score; empty where no comparison could be made."""
    pairs, names = measured.study.pairs, [template.name for template in measured.study.templates]
    groups = [template.group for template in measured.study.templates]
    more: dict[str, list[Any]] = {} if pairs.folds is None else {"fold": pairs.folds.tolist()}
    if not measured.study.subjects_inferred:
        who = measured.study.subjects
        more |= {"subject_a": who[pairs.first].tolist(), "subject_b": who[pairs.second].tolist()}
    more |= {} if pairs.groups is None else {"group": list(pairs.groups)}
    if any(groups):
        more |= {f"group_{side}": [groups[at] for at in places]
                 for side, places in (("a", pairs.first), ("b", pairs.second))}  # fmt: skip
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["path_a", "path_b", "same", "score", *more])
            columns = (pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist(), measured.scores.tolist())
            for first, second, same, score, *rest in zip(*columns, *more.values(), strict=True):
                writer.writerow([names[first], names[second], int(same), "" if score != score else repr(score), *rest])
    except OSError as error:
        raise EyeError(f"cannot write {out}: {error.strerror}; give another place with --scores") from error


def _print(report: Mapping[str, Any]) -> None:
    protocol, enrolment, verified = report["protocol"], report["enrolment"], report["verification"]
    print(f"{protocol['data']}, {protocol['split']} ({protocol['source']})")
    print(
        f"{verified['mated']:,} mated and {verified['nonmated']:,} non-mated comparisons of {verified['subjects']:,}"
        f" people; {enrolment['failed']:,} of {enrolment['total']:,} {enrolment['of']} failed to enrol"
    )
    if "accuracy" in verified:
        found = verified["accuracy"]
        print(f"accuracy {found['mean']:.2%} +- {found['standard_error']:.2%} over {found['folds']} folds")
        if "card" in found:
            card = found["card"]
            print(f"at least {card['threshold']:.2%} is asked for: {'passed' if card['passed'] else 'failed'}")
    print(f"equal error rate {verified['eer']:.3%}\n")
    sure = f"{verified['confidence']:.0%} interval"
    if verified["at_fmr"]:
        rows = [[f"{row['fmr']:g}", f"{row['threshold']:.4f}", f"{row['fnmr']:.2%}", _interval(row["low"], row["high"]),
                 row["false_matches"], row["false_non_matches"]] for row in verified["at_fmr"]]  # fmt: skip
        print_table(["FMR", "threshold", "FNMR", sure, "false matches", "false non-matches"], rows)
    for one in report["identification"]:
        print(f"\n{one['enrolled']:,} enrolled ({one['gallery']}), {one['mated_searches']:,} searches")
        print(", ".join(f"rank {row['rank']}: {row['hit_rate']:.2%}" for row in one["rank"]))
        rows = [[f"{row['fpir']:g}", f"{row['threshold']:.4f}", f"{row['fnir']:.2%}",
                 _interval(row["low"], row["high"]), row["false_alarms"], row["missed"]]
                for row in one["at_fpir"]]  # fmt: skip
        if rows:
            print_table(["FPIR", "threshold", "FNIR", sure, "false alarms", "missed"], rows)
    if report["groups"]:
        threshold, fmr = report["groups"][0]["threshold"], report["groups"][0]["threshold_fmr"]
        print(f"\nby group, at the threshold {threshold:.4f} that gives all together FMR {fmr:g}")
        rows = [[row["group"], f"{row['fmr']:.3%}", _interval(*row["fmr_interval"]), f"{row['fnmr']:.2%}",
                 _interval(*row["fnmr_interval"]), row["nonmated"], row["mated"]]
                for row in report["groups"]]  # fmt: skip
        print_table(["group", "FMR", sure, "FNMR", sure, "non-mated", "mated"], rows)
    for warning in report["warnings"]:
        note(f"note: {warning}")


def _interval(low: float, high: float) -> str:
    return f"{low:.2%} to {high:.2%}"
