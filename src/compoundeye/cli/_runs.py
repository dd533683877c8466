"""`eye runs`: what trainings left behind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from compoundeye.cli._output import duration, note, print_json, print_table
from compoundeye.records import EyeError

SHOWN = 20
"""Classes and kinds of mistakes of a table; files and --json have all."""


def runs(
    run: Annotated[
        list[str] | None, typer.Argument(help="Names or folders: none lists, one explains, several compare.")
    ] = None,
    folder: Annotated[str, typer.Option("--runs", metavar="FOLDER", help="Where run folders are.")] = "runs",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PLACE", help="Several: a .png for their curves. One: a folder for files."),
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Curves over pictures instead of steps.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Losses on a logarithmic scale.")] = False,
    smoothing: Annotated[
        float | None, typer.Option(help="Of the training loss: weight of the past, 0 to below 1; else by length.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="NAME", help="Put one run's model into the catalogue under this name."),
    ] = None,
    licence: Annotated[str, typer.Option(help="Of the exported model, for its card.")] = "not stated",
    replace: Annotated[bool, typer.Option("--replace", help="Export over a model of this name.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """What trainings left behind: list runs, explain one, compare several, or export one as a model.

    Without a run: how far each is, how good, on what. With one: what its last validation says of each class, which
    classes are taken for each other, and the worst mistakes; -o FOLDER also draws the confusion matrix and a contact
    sheet, and names every wrongly answered picture by its id. With several: the settings in which they differ, and
    with -o their curves.

    Examples:
      eye runs
      eye runs fashion -o report
      eye runs fashion slower -o curves.png --log
      eye runs fashion --export fashion --licence MIT && eye categorise corpus.lance --model fashion
    """
    from compoundeye.runs import compare, explain, list_runs

    chosen = [_place(one, folder) for one in run or ()]
    if export is not None:
        if len(chosen) != 1:
            raise EyeError("--export takes one run: eye runs RUN --export NAME")
        _export(chosen[0], export, licence, replace, json)
    elif not chosen:
        if out is not None:
            raise EyeError("-o is for one run or several: eye runs RUN -o FOLDER")
        _show_list(list_runs(folder), json)
    elif len(chosen) == 1:
        _show_one(explain(chosen[0], out), json)
    else:
        found = compare(chosen, out, axis="pictures" if pictures else "step", log=log, smoothing=smoothing)
        _show_comparison(found, json)


def _place(run: str, folder: str) -> Path:
    """A run by its name in the folder of runs, else by its own folder."""
    named = Path(folder).expanduser() / run
    return named if (named / "settings.json").is_file() else Path(run).expanduser()


def _show_list(rows: Any, json: bool) -> None:
    if json:
        print_json(rows)
        return
    if not rows:
        note("No runs yet: eye train RECIPE")
        return
    print_table(
        ("run", "state", "step", "of", "loss", "best", "began", "time", "corpus", "model"),
        [
            (
                row.name,
                row.state,
                row.step,
                row.steps,
                row.loss,
                _percent(row.accuracy),
                row.started.astimezone().strftime("%Y-%m-%d %H:%M") if row.started else None,
                duration(row.seconds),
                row.corpus,
                row.model,
            )
            for row in rows
        ],
    )


def _show_one(found: Any, json: bool) -> None:
    if json:
        print_json(found)
        return
    low, high = found.accuracy_interval
    interval = f"95 % interval {100 * low:.2f} to {100 * high:.2f}"
    title = f"{found.run.name}: {found.accuracy:.2%} of {found.pictures:,} pictures right ({interval})"
    print_table(
        ("class", "pictures", "right", "recall", "interval", "precision", "interval", "often taken for"),
        [
            (
                row.name,
                row.pictures,
                row.right,
                _percent(row.recall),
                _interval(row.recall, row.recall_interval),
                _percent(row.precision),
                _interval(row.precision, row.precision_interval),
                row.taken_for,
            )
            for row in found.classes[:SHOWN]
        ],
        title=title,
    )
    print()
    print_table(
        ("shows", "taken for", "pictures"), [(one.target, one.predicted, one.pictures) for one in found.confusions[:5]]
    )
    print()
    print_table(
        ("worst mistakes", "shows", "taken for", "sure", "loss"),
        [(one.id[:12], one.target, one.predicted, _percent(one.confidence), one.loss) for one in found.mistakes[:5]],
    )
    if len(found.classes) > SHOWN:
        note(f"The {SHOWN} worst of {len(found.classes):,} classes; -o FOLDER writes all.")
    for text in found.notes:
        note(text)
    if found.files:
        note(f"written: {', '.join(found.files)}")


def _show_comparison(found: Any, json: bool) -> None:
    if json:
        print_json(found)
        return
    names = [row.name for row in found.runs]
    facts = [
        ("state", [row.state for row in found.runs]),
        ("step", [f"{row.step:,}" for row in found.runs]),
        ("loss", [None if row.loss is None else f"{row.loss:.4g}" for row in found.runs]),
        ("best accuracy", [_percent(row.accuracy) for row in found.runs]),
        ("time", [duration(row.seconds) for row in found.runs]),
    ]
    settings = [(one.key, [_short(value) for value in one.values]) for one in found.differences]
    print_table(("", *names), [(name, *values) for name, values in [*facts, *settings]])
    if not found.differences:
        note("Their settings are the same.")
    if found.picture:
        note(f"drawn: {found.picture}")


def _export(run: Path, name: str, licence: str, replace: bool, json: bool) -> None:
    try:
        from compoundeye.train import export
    except ModuleNotFoundError as missing:
        raise EyeError(f"exporting needs {missing.name}: pip install 'compoundeye[train]'") from missing
    card = export(run, name, licence=licence, replace=replace)
    if json:
        print_json({key: getattr(card, key) for key in ("name", "version", "sha256", "metric", "protocol", "facts")})
        return
    print_table(
        ("model", "version", "classify", "metric", "licence"),
        [(card.name, card.version, card.task == "classify", card.metric, card.licence)],
    )
    note(f"use it: eye categorise CORPUS --model {card.name}")


def _percent(share: float | None) -> str | None:
    return None if share is None or math.isnan(share) else f"{share:.2%}"


def _interval(share: float, interval: tuple[float, float]) -> str | None:
    """Of no pictures anything could be said: nothing is."""
    return None if math.isnan(share) else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
