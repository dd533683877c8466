"""From settings to a trained model in a run folder."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import torch
from torch import distributed as dist

from compoundeye.corpus import pin, unpin
from compoundeye.nets import training_flops
from compoundeye.records import EyeError
from compoundeye.runs import RunFolder, differences
from compoundeye.train._data import pinned, training, unversioned, validation
from compoundeye.train._layout import lay_out
from compoundeye.train._learner import learner
from compoundeye.train._loop import Loop, Moment, Tell
from compoundeye.train._process import asked_to_stop, left, rank, world_size
from compoundeye.train._recipe import as_json, settings_of
from compoundeye.train._settings import Settings
from compoundeye.train._work import shared

_FREE = ("plan.", "saving.", "guard.", "log_every", "data.threads")
"""Settings that do not decide what is learnt."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to."""

    folder: str
    finished: bool
    """False if it was asked to stop; the same call goes on."""
    step: int
    steps: int
    pictures: int
    """Learnt from, each time counted."""
    unread: int
    """Could not be read, each time counted."""
    figures: dict[str, float]
    """Of the last validation."""


def train(settings: Settings, runs: str | os.PathLike[str] = "runs", *, tell: Tell | None = None) -> Trained:
    """Train a model, or go on with a run that was stopped or killed.

    Several processes under torchrun share the work by ``settings.plan``; a run may go on with another number of them.

    Args:
        runs: folder of run folders; this run's is ``runs/NAME``.
        tell: called after every step, in the first process.

    Raises:
        EyeError: something in the settings cannot be, or the run folder belongs to other settings.
    """
    with left() as device, asked_to_stop() as asked:
        layout = lay_out(settings.plan, device)
        place = Path(runs).expanduser().resolve() / settings.name
        settings = _agreed(settings, place)
        folder = RunFolder(place)
        try:
            if settings.plan.deterministic:
                torch.use_deterministic_algorithms(True)
            material = training(settings)
            pins = [(corpus, f"run-{settings.name}-{crc32(bytes(place)):08x}") for corpus in material.corpora]
            if rank() == 0:
                folder.write_classes(material.names)
                for corpus, name in pins:
                    pin(corpus, name)  # a compaction in the meantime must leave this version
            held = validation(settings, material.names)
            torch.manual_seed(settings.seed)  # every process draws the same first weights
            model = learner(settings, len(material.names), layout).to(layout.device)
            flops = training_flops(model.backbone, settings.data.view.size)  # before the plan changes the module
            work = shared(model, layout)
            loop = Loop(settings, folder, layout, model, work, flops, material, held, tell or _silent)
            if rank() == 0:
                folder.set_status("running", steps=loop.steps, processes=world_size(), error=None)
            finished = loop.run(asked)
        except BaseException as error:
            if rank() == 0:
                with suppress(OSError):
                    stopped = isinstance(error, KeyboardInterrupt)
                    folder.set_status("interrupted" if stopped else "failed", error=str(error))
            raise
        done = loop.so_far
        if rank() == 0:
            for corpus, name in pins if finished else ():
                unpin(corpus, name)
            folder.set_status("done" if finished else "interrupted", step=done.step, steps=loop.steps)
        return Trained(str(place), finished, done.step, loop.steps, done.pictures, done.unread, done.validation)


def _silent(moment: Moment) -> None:
    """Told to nobody."""


def _agreed(settings: Settings, place: Path) -> Settings:
    """What the first process makes of the settings and of the folder, in every process.

    Raises:
        EyeError: it is not to be, in every process likewise.
    """
    found: list[Settings | EyeError] = [settings]
    if rank() == 0:
        try:
            found = [_gone_on(settings, place) if (place / "settings.json").exists() else _begun(settings, place)]
        except EyeError as error:
            found = [error]
    if dist.is_initialized():
        dist.broadcast_object_list(found)
    if isinstance(found[0], EyeError):
        raise found[0]
    return found[0]


def _begun(settings: Settings, place: Path) -> Settings:
    """A new run folder, and the settings with the corpora's versions of now."""
    settings = pinned(settings)
    folder = RunFolder.create(place.parent, place.name)
    folder.write_environment()
    folder.write_settings(as_json(settings))  # last: a folder with settings is a run
    return settings


def _gone_on(settings: Settings, place: Path) -> Settings:
    """The settings of the run that is there, but for those that may change underway.

    Raises:
        EyeError: others differ.
    """
    kept = settings_of(RunFolder.open(place).settings(), str(place / "settings.json"))
    for one in differences([as_json(unversioned(kept)), as_json(unversioned(pinned(settings)))]):
        if not one.key.startswith(_FREE):
            was, wanted = one.values
            raise EyeError(
                f"{place} is a run with {one.key} = {was}, not {wanted}: change it back to go on, or give --name for a "
                "new run"
            )
    # The versions that the run began with stay, whatever has been ingested since.
    changed = {name: getattr(settings, name) for name in ("plan", "saving", "guard", "log_every")}
    data = kept.data.model_copy(update={"threads": settings.data.threads})
    return kept.model_copy(update={**changed, "data": data})
