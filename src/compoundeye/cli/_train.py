"""`eye train`: a model from a corpus."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from compoundeye.cli._output import note, print_json, print_table


def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file (see recipes/), or file.py:function.")],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: --set data.batch=256. May be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the run; the recipe's if not given.")] = None,
    runs: Annotated[str, typer.Option(metavar="FOLDER", help="Where run folders are.")] = "runs",
    nproc: Annotated[int, typer.Option(min=1, help="Processes on this machine, one a GPU.")] = 1,
    restarts: Annotated[int, typer.Option(min=0, help="Start again so often after a process died (--nproc).")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Train a model on a corpus, as a recipe says. Run it again to go on after a stop or a kill.

    The run's folder holds settings, environment, metrics (JSON Lines and TensorBoard), a sheet of the pictures as the
    network sees them, and checkpoints. A run may go on with another number of processes: every picture of an epoch is
    still used once. On several machines start `torchrun ... -m compoundeye.cli train RECIPE` on each.

    Example:
      eye train recipes/fashion_mnist.toml
      eye train recipes/fashion_mnist.toml --set optimiser.learning_rate=0.05 --name slower
      eye train recipe.toml --nproc 8
      eye runs
    """
    try:
        from compoundeye.train import launch, launched, read_recipe
        from compoundeye.train import train as fit
    except ModuleNotFoundError as missing:
        from compoundeye.records import EyeError

        raise EyeError(
            f"training needs {missing.name}: install torch for your GPU or CPU, then pip install 'compoundeye[train]'"
        ) from missing
    changes = [*(change or ()), *([f"name={name}"] if name else ())]
    settings = read_recipe(recipe, changes)
    if nproc > 1 and not launched():
        settings.plan.fit(nproc)  # a mistake is told once, before processes start
        sets = [part for one in changes for part in ("--set", one)]
        arguments = ["train", recipe, *sets, "--runs", runs, *(["--json"] if json else [])]
        if code := launch(arguments, nproc, restarts=restarts):
            raise typer.Exit(code)
        return
    first = os.environ.get("RANK", "0") == "0"
    from compoundeye.cli._training import training_progress

    if not first:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  one voice is enough
    with training_progress() as tell:
        found = fit(settings, runs, tell=tell)
    if first:
        if json:
            print_json(found)
        else:
            figures = {key: value for key, value in found.figures.items() if key not in ("pictures", "unread")}
            print_table(
                ("run", "steps", "pictures", "unread", *(f"validation {key}" for key in figures)),
                [(found.folder, found.step, found.pictures, found.unread, *figures.values())],
            )
    if not found.finished:
        note(f"stopped at step {found.step:,} of {found.steps:,}; run the same command again to go on")
        raise typer.Exit(130)
