"""The loop: steps, validations and checkpoints, from wherever the last checkpoint was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from compoundeye.cluster import available_cores
from compoundeye.records import EyeError
from compoundeye.runs import RunFolder
from compoundeye.train._average import statistics
from compoundeye.train._checkpoint import Checkpoints
from compoundeye.train._data import Material
from compoundeye.train._guard import Verdict, Watch
from compoundeye.train._layout import Layout
from compoundeye.train._learner import Learner
from compoundeye.train._loader import Batch, Loader
from compoundeye.train._peers import CheckpointError
from compoundeye.train._process import rank
from compoundeye.train._samples import samples
from compoundeye.train._settings import Settings
from compoundeye.train._speed import Speed
from compoundeye.train._step import Outcome, Stepper, summed
from compoundeye.train._validate import validate
from compoundeye.train._work import Work


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a run is: told after every step."""

    step: int
    steps: int
    batch: int
    """Pictures a step."""
    figures: dict[str, float]
    rate: float
    """Pictures a second, over all processes."""
    utilisation: float | None
    """Model FLOPs utilisation, where the device's peak is known."""
    doing: str = "train"


Tell = Callable[[Moment], None]


@dataclass(slots=True)
class Progressed:
    """What a checkpoint has to say besides tensors."""

    step: int = 0
    pictures: int = 0
    unread: int = 0
    skipped: list[int] = field(default_factory=list)
    """Steps whose pictures are passed over: their losses exploded."""
    rollbacks: int = 0
    validation: dict[str, float] = field(default_factory=dict)


class Loop:
    """One run in one process of it."""

    def __init__(
        self,
        settings: Settings,
        folder: RunFolder,
        layout: Layout,
        learner: Learner,
        work: Work,
        flops: float,
        material: Material,
        held: Material | None,
        tell: Tell,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.layout = layout
        self.material = material
        self.held = held
        self.tell = tell
        self.learner = learner
        self.work = work
        self.batch = settings.data.batch
        self.end = round(settings.epochs * material.order.rows)
        self.steps = max(ceil(self.end / self.batch), 1)
        self.stepper = Stepper.of(learner, work, settings, layout, self.steps)
        self.optimisers, self.average = self.stepper.optimisers, self.stepper.average
        self.checkpoints = Checkpoints(folder.path / "checkpoints", keep=settings.saving.keep, note=self._note)
        self.watch = Watch(settings.guard)
        self.speed = Speed(flops, layout)
        self.so_far = Progressed()
        self._every = max(round(settings.validation.every * material.order.rows / self.batch), 1)
        self._saved: int | None = None

    def run(self, asked: list[int]) -> bool:
        """Go on to the end; False if asked to stop before it. A checkpoint holds all that was done in either case."""
        self._load()
        while self.so_far.step < self.steps:
            went_back = False
            with self._loader(self.so_far.step) as loader:
                for batch in self.speed.waited(loader):
                    verdict, stop = self._step(batch, stop=bool(asked))
                    if verdict is Verdict.SPIKE:
                        self._roll_back()
                        went_back = True
                        break
                    self._after()
                    if stop:
                        self._save(wait=True)
                        return False
            if not went_back and self.so_far.step < self.steps:
                raise EyeError(f"the loader ended at step {self.so_far.step} of {self.steps}; please report this")
        self._save(wait=True)
        return True

    def _loader(self, step: int) -> Loader:
        data, layout = self.settings.data, self.layout
        return Loader(
            self.material.order,
            self.material.corpora,
            self.material.targets,
            data.view,
            batch=self.batch,
            rank=layout.data_rank,
            world=layout.data_size,
            start=step * self.batch,
            stop=self.end,
            threads=data.threads or available_cores(),
            seed=self.settings.seed,
        )

    def _step(self, batch: Batch, *, stop: bool) -> tuple[Verdict, bool]:
        number = self.so_far.step
        if number == 0 and rank() == 0:
            samples(batch, self.material.names).save(self.folder.path / "samples.png")
        if number in self.so_far.skipped:
            self.so_far.step += 1
            return Verdict.FINE, False  # processes agree on stopping in steps that are done
        self._renumber(batch)
        outcome = self.stepper.step(number, batch, stop=stop)
        verdict = self.watch.judge(outcome.figures["loss"], outcome.gradient)
        if verdict is Verdict.SKIP and self._hurt():
            verdict = Verdict.SPIKE
        if verdict is Verdict.SPIKE:
            self.so_far.skipped.append(number)
            self._note(f"loss {outcome.figures['loss']:.4g} at step {number} is a spike: going back to a checkpoint")
            return verdict, outcome.stop
        if verdict is Verdict.SKIP:
            self.so_far.skipped.append(number)
            self._note(f"loss or gradient of step {number} is not a number: its update was left out")
            self._count_failure()
        self.so_far.step += 1
        self.so_far.pictures += outcome.pictures
        self.so_far.unread += outcome.unread
        self._tell(outcome)
        return verdict, outcome.stop

    def _hurt(self) -> bool:
        """Whether a step without an update has yet changed something: the statistics of batch norms."""
        mine = all(bool(one.isfinite().all()) for one in statistics(self.learner).values())
        return summed([float(not mine)], self.layout)[0] > 0

    def _renumber(self, batch: Batch) -> None:
        if isinstance(batch.targets, np.ndarray):
            batch.targets = self.material.renumbered(batch.targets, batch.sources)

    def _tell(self, outcome: Outcome) -> None:
        step = self.so_far.step
        rate, utilisation = self.speed.after(outcome.pictures + outcome.unread)
        if rank():
            return
        self.tell(Moment(step, self.steps, self.batch, outcome.figures, rate, utilisation))
        if step % self.settings.log_every == 0 or step == self.steps:
            numbers = {
                **outcome.figures,
                "gradient": outcome.gradient,
                "learning_rate": outcome.learning_rate,
                "pictures_per_second": rate,
                **({} if utilisation is None else {"mfu": utilisation}),
                **self.speed.spent(),
            }
            self.folder.log("train", step, step * self.batch, **numbers)

    def _after(self) -> None:
        """Validate and save where it is time."""
        step = self.so_far.step
        done = step == self.steps
        if self.held is not None and (step % self._every == 0 or done):
            self._validate()
        if step % self.settings.saving.every == 0 and not done:
            self._save()

    def _validate(self) -> None:
        assert self.held is not None
        self.checkpoints.staged()  # averaged weights are put in place of those being copied
        with self.speed.paused():
            found = validate(self.learner, self.work, self.average, self.settings, self.held, self.layout)
        self.so_far.validation = found.figures
        if rank() == 0:
            self.folder.log("validation", self.so_far.step, self.so_far.step * self.batch, **found.figures)
            if found.parts:
                self.folder.write_validation(found.table())
            self.tell(Moment(self.so_far.step, self.steps, self.batch, found.figures, 0.0, None, "validate"))

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"model": self.learner, "optimizer": self.optimisers}
        return state if self.average is None else {**state, "average": self.average}

    def _save(self, *, wait: bool = False) -> None:
        step = self.so_far.step
        facts = {
            "step": step,
            "position": min(step * self.batch, self.end),
            "order_key": self.material.order.key,
            "corpus_versions": [corpus.version for corpus in self.material.corpora],
            "pictures": self.so_far.pictures,
            "unread": self.so_far.unread,
            "skipped": self.so_far.skipped,
            "rollbacks": self.so_far.rollbacks,
            "validation": self.so_far.validation,
        }
        try:
            with self.speed.aside("saving"):
                if self._saved != step:
                    # The copy goes on beside the next forward and backward pass; the optimiser waits for it.
                    self.checkpoints.save(step, self._state(), facts, overlap=True)
                    self._saved = step
                if wait:
                    self.checkpoints.wait()
        except CheckpointError as error:
            self._saved = None
            if wait:
                raise
            self._note(f"{error}; the run goes on and tries again")  # older checkpoints are as they were
        if rank() == 0:
            self.folder.set_status("running", step=step, steps=self.steps)

    def _load(self) -> None:
        if self.checkpoints.latest() is None:
            return
        facts = self.checkpoints.load(self._state())
        if facts["order_key"] != self.material.order.key:
            raise EyeError(
                f"the checkpoint of {self.folder.path} was made in another order of pictures (seed, corpus version or "
                "filter differ): give the run another --name"
            )
        self.so_far = Progressed(
            facts["step"],
            facts["pictures"],
            facts["unread"],
            list(facts["skipped"]),
            facts["rollbacks"],
            facts["validation"],
        )
        self._saved = self.so_far.step
        if rank() == 0:
            self.folder.resumed(self._saved, self._saved * self.batch)

    def _roll_back(self) -> None:
        self._count_failure()
        skipped, rollbacks = self.so_far.skipped, self.so_far.rollbacks
        self.checkpoints.wait()
        if self.checkpoints.latest() is None:
            raise EyeError(
                "the loss exploded before the first checkpoint: lower optimiser.learning_rate, raise optimiser.warmup, "
                "or set optimiser.clip=1"
            )
        self._load()
        self.so_far.skipped = sorted({*self.so_far.skipped, *skipped})
        self.so_far.rollbacks = rollbacks
        self.watch.forget()

    def _count_failure(self) -> None:
        self.so_far.rollbacks += 1
        if self.so_far.rollbacks > self.settings.guard.rollbacks:
            raise EyeError(
                f"the loss exploded {self.so_far.rollbacks} times, last at step {self.so_far.step}: lower "
                "optimiser.learning_rate, or set optimiser.clip=1"
            )

    def _note(self, text: str) -> None:
        if rank() == 0:
            self.folder.log("note", self.so_far.step, self.so_far.step * self.batch, note=text)
