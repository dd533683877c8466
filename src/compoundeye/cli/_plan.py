"""`eye plan`: what a training, or categorising an archive, will take before it is paid for."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._output import note, print_json
from compoundeye.cli._plan_report import explain, show_actual, show_categorising, show_counts, show_executed, show_plan
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.plan import Planned

_STORAGE = "storage-100"


class Store(StrEnum):
    """Where pictures are read from."""

    disk = "disk"
    object = "object"


class Aim(StrEnum):
    """What the best number of GPUs is chosen by."""

    time = "time"
    cost = "cost"


def plan(
    recipe: Annotated[str | None, typer.Argument(help="What is to be trained: as `eye train` takes it.")] = None,
    model: Annotated[str | None, typer.Option(help="Instead of a recipe: a network, all else as is usual.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as in `eye train`.")
    ] = None,
    gpus: Annotated[
        list[int] | None, typer.Option(help="How many; several times to compare, by --by.", show_default="8")
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="h100, b200, ...; or a TOML file.", show_default="h100")] = None,
    network: Annotated[str | None, typer.Option(help="Between nodes; what such nodes usually have.")] = None,
    storage: Annotated[str, typer.Option(help="Network from a node to the storage.")] = _STORAGE,
    layout: Annotated[
        str | None, typer.Option(metavar="KEY=VALUE,...", help="Judge this one: tensor=8,pipeline=4. No search.")
    ] = None,
    by: Annotated[Aim, typer.Option(help="With several --gpus: the best is the fastest, or takes least GPU-hours.")] = (
        Aim.time
    ),
    classes: Annotated[int | None, typer.Option(min=2, help="How many are told apart.")] = None,
    pictures: Annotated[int | None, typer.Option(min=1, help="Of the corpus.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget: times through the corpus.")] = None,
    pictures_total: Annotated[float | None, typer.Option(help="Budget: pictures, each time counted.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Budget: tokens, each time counted.")] = None,
    picture_bytes: Annotated[float | None, typer.Option(help="Of one encoded picture.")] = None,
    store: Annotated[Store, typer.Option(help="Where pictures are read from.")] = Store.disk,
    reliability: Annotated[str, typer.Option(help="Whose failure rates are taken.")] = "llama3",
    spares: Annotated[int | None, typer.Option(min=0, help="Nodes that stand by; enough for repairs if not given.")] = (
        None
    ),
    elastic: Annotated[bool, typer.Option("--elastic", help="Go on with fewer nodes while one is repaired.")] = False,
    price: Annotated[float | None, typer.Option(help="Of a GPU-hour, in your currency.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Layouts that are shown.")] = 3,
    run: Annotated[str | None, typer.Option(metavar="FOLDER", help="Lay a run beside its plan.")] = None,
    categorise: Annotated[int | None, typer.Option(metavar="N", help="Plan `eye categorise` of N pictures.")] = None,
    machines: Annotated[int, typer.Option(min=1, help="With --categorise: how many.")] = 1,
    cores: Annotated[int | None, typer.Option(min=1, help="With --categorise: of one machine.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Run the real step, without the hardware.")] = False,
    rank: Annotated[list[int] | None, typer.Option(help="With --dry-run: as this one; may be repeated.")] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .toml for `eye train`, or a picture: .png, .svg, .pdf."),
    ] = None,
    explained: Annotated[bool, typer.Option("--explain", help="Formula and source of each number.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Plan a training: the layout, memory, time, failures, data and power, before the GPUs are rented.

    All sensible layouts are searched for the fastest that fits. With --dry-run, the real training step runs as any of
    the ranks, on tensors without numbers, and what it holds and sends is laid beside the plan.

    Example:
      eye plan recipe.toml --gpus 8192 --gpu h100 --explain
      eye plan --model vit-200b --gpus 8192 -o plan.toml -o plan.png
      eye plan --model vit-22b --gpus 512 --gpus 1024 --pictures-total 1e10 --by cost --price 2
      eye plan --model vit-200b --gpus 8192 --layout tensor=8 --dry-run --rank 0 --rank 4097
      eye plan --categorise 1000000000 --machines 16
      eye plan --run runs/fashion_mnist
    """
    if categorise is not None:
        _categorise(categorise, model, machines, cores, gpus, gpu, picture_bytes, explained, json)
        return
    try:
        from compoundeye.plan import Wishes, actual, as_recipe, case_of, default_settings, layout_of, picture, planned
        from compoundeye.plan import dry_run as executed
        from compoundeye.plan import memory as of_memory
        from compoundeye.plan import tally as of_tally
        from compoundeye.train import read_recipe
    except ModuleNotFoundError as missing:
        raise EyeError(
            f"planning a training needs {missing.name}: install torch, then pip install 'compoundeye[train]'"
        ) from missing
    from compoundeye.capacity import cluster
    from compoundeye.capacity import reliability as rates_of_failure

    if run is not None:
        machine = None if gpu is None else cluster(gpu, _processes(run), network)
        found = actual(run, machine)
        print_json(found) if json else show_actual(found, explained)
        return
    if (recipe is None) == (model is None):
        raise EyeError("say what is planned: a recipe, or --model NAME; eye plan --help shows examples")
    remarks: tuple[str, ...] = ()
    if recipe is not None:
        settings = read_recipe(recipe, change or ())
    else:
        settings, remarks = default_settings(str(model), change or ())
    if storage == _STORAGE:
        remarks += (f"storage is {_STORAGE} (100 Gb/s a node) unless --storage says otherwise",)
    wishes = Wishes(
        classes=classes,
        corpus=pictures,
        epochs=epochs,
        pictures=pictures_total,
        tokens=tokens,
        picture_bytes=picture_bytes,
        store=store.value,
        reliability=rates_of_failure(reliability),
        spares=spares,
        elastic=elastic,
        price=price,
        most=most,
        layout=None if layout is None else layout_of(settings.plan, layout),
        measured=recipe is not None,
        remarks=remarks,
    )
    plans = [
        planned(settings, cluster(gpu or "h100", number, network, storage=storage), wishes) for number in gpus or [8]
    ]
    best = min(plans, key=lambda one: one.days if by is Aim.time else one.gpu_hours)
    for place in out or ():
        _write(place, best, as_recipe, picture)
    steps: list[Any] = []
    if dry_run:
        case = case_of(best.settings, best.classes, best.chosen.plan)
        steps = list(executed(case, rank or [0], tell=lambda one: note(f"rank {one.rank:,}: {one.seconds:.1f} s")))
    beside = [(one, of_memory(case, one.stage), of_tally(case, one.stage)) for one in steps]
    if json:
        print_json({**best.as_dict(), "compared": [_brief(one) for one in plans], "executed": steps})
        return
    if len(plans) > 1:
        show_counts(plans)
    show_plan(best)
    for one, held, done in beside:
        show_executed(one, held, done)
    if explained:
        explain(best.terms())
    for place in out or ():
        note(f"written: {place}")
    said = {
        "--set": change,
        "--network": network,
        "--storage": None if storage == _STORAGE else storage,
        "--layout": layout,
        "--classes": classes,
        "--pictures": pictures,
        "--epochs": epochs,
        "--pictures-total": pictures_total,
        "--tokens": tokens,
        "--picture-bytes": picture_bytes,
        "--spares": spares,
        "--price": price,
    }
    what = [recipe] if recipe is not None else ["--model", str(model)]
    print(f"\ngo on with: {_command(best, what, gpu or 'h100', said, out or [])}")


def _processes(run: str) -> int:
    from compoundeye.runs import RunFolder

    return int(RunFolder.open(run).status().get("processes") or 1)


def _categorise(
    number: int,
    model: str | None,
    machines: int,
    cores: int | None,
    gpus: list[int] | None,
    gpu: str | None,
    picture_bytes: float | None,
    explained: bool,
    json: bool,
) -> None:
    from compoundeye.capacity import categorising_plan, rates

    found = categorising_plan(
        number,
        rates(),
        model=model,
        picture_bytes=picture_bytes,
        machines=machines,
        cores=cores,
        gpus=gpus[0] if gpus else 0,
        gpu=gpu or "h100" if gpus else None,
    )
    if json:
        print_json(found)
        return
    show_categorising(found)
    if explained:
        explain(found.terms())


def _write(place: Path, best: Planned, as_recipe: Any, picture: Any) -> None:
    if place.suffix.lower() != ".toml":
        picture(best, place)
        return
    text = as_recipe(best.settings, best.chosen.plan, save_every=best.save_every, remarks=best.summary())
    try:
        place.expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise EyeError(f"cannot write {place}: {error.strerror}; give another place with -o") from None


def _brief(one: Planned) -> dict[str, Any]:
    names = ("gpus", "days", "gpu_hours", "mfu", "step", "cost", "kilowatt_hours")
    return {**{name: getattr(one, name) for name in names}, "goodput": one.goodput.fraction}


def _command(best: Planned, what: list[str], gpu: str, said: dict[str, Any], out: list[Path]) -> str:
    """What a person types next: write the plan, or start it."""
    written = next((place for place in out if place.suffix.lower() == ".toml"), None)
    if written is None:
        words = ["eye", "plan", *what, "--gpus", str(best.gpus), "--gpu", gpu]
        for option, value in said.items():
            for one in value if isinstance(value, list) else [value]:
                words += [] if one is None else [option, f"{one:g}" if isinstance(one, float) else str(one)]
        return shlex.join([*words, "-o", "plan.toml", "-o", "plan.png"])
    if best.nodes == 1:
        return f"eye train {written} --nproc {best.gpus}"
    each = best.cluster.node.accelerators
    return (
        f"srun --nodes {best.nodes} --ntasks-per-node 1 torchrun --nnodes {best.nodes} --nproc-per-node {each} "
        f'--rdzv-backend c10d --rdzv-endpoint "$HEAD:29500" -m compoundeye.cli train {written} --runs /shared/runs'
    )
