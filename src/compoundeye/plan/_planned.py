"""Everything that a training will take, in one object: what a person signs for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf, sqrt
from typing import Any, Literal

from compoundeye.capacity import (
    Cluster,
    DataPlan,
    Goodput,
    Reliability,
    Term,
    data_plan,
    goodput,
    hardware_terms,
    rates,
    reliability,
)
from compoundeye.plan._budget import Budget, budget
from compoundeye.plan._rules import shape_of
from compoundeye.plan._saved import Saving, Sizes, saving, sizes
from compoundeye.plan._search import Candidate, Measures, Search, candidate, search
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings, training

DAY = 86_400.0
CLASSES = 1_000
_LONGEST = 90.0
"""Days that failures are simulated for, at most: rates do not change with the length."""
_SHORTEST = 7.0
"""At least: of a shorter training too few failures would be seen to tell of them."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a plan is asked for besides settings and hardware."""

    classes: int | None = None
    corpus: int | None = None
    """Pictures of the corpus."""
    epochs: float | None = None
    pictures: float | None = None
    """In all: the budget."""
    tokens: float | None = None
    picture_bytes: float | None = None
    store: Literal["disk", "object"] = "disk"
    reliability: Reliability | None = None
    spares: int | None = None
    """Nodes that stand by; None: as many as are mostly under repair at once."""
    elastic: bool = False
    price: float | None = None
    """Of a GPU-hour, in whatever currency the user pays."""
    most: int = 3
    layout: Plan | None = None
    """To judge, instead of searching."""
    interval: float | None = None
    """Seconds between checkpoints; the best if not given."""
    measured: bool = False
    """Whether the settings' corpora are to be looked at for the number of pictures and classes, if they are here."""
    remarks: tuple[str, ...] = ()
    """What the caller has assumed already."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan. Times in seconds unless their name says otherwise."""

    settings: Settings
    cluster: Cluster
    classes: int
    sizes: Sizes
    search: Search
    chosen: Candidate
    budget: Budget
    step: float
    """Seconds, with waiting for pictures."""
    saving: Saving
    goodput: Goodput
    data: DataPlan
    price: float | None
    remarks: tuple[str, ...] = ()
    """What was assumed since nobody said, and what to beware of."""
    made_of: tuple[Term, ...] = field(default=())

    @property
    def gpus(self) -> int:
        """Accelerators."""
        return self.cluster.accelerators

    @property
    def nodes(self) -> int:
        """Machines."""
        return max(self.cluster.accelerators // self.cluster.node.accelerators, 1)

    @property
    def pictures_per_second(self) -> float:
        """While it trains."""
        return self.settings.data.batch / self.step

    @property
    def mfu(self) -> float:
        """Model FLOPs utilisation, with waiting for pictures."""
        return self.chosen.time.mfu * self.chosen.time.total / self.step

    @property
    def seconds(self) -> float:
        """Of all steps, if nothing failed."""
        return self.budget.steps * self.step

    @property
    def days(self) -> float:
        """That the cluster is needed: with what failures and saving cost."""
        return self.seconds / DAY / self.goodput.fraction if self.goodput.fraction else inf

    @property
    def gpu_hours(self) -> float:
        """That are paid for."""
        return self.days * 24 * self.gpus

    @property
    def cost(self) -> float | None:
        """In the price's currency; None without one."""
        return None if self.price is None else self.gpu_hours * self.price

    @property
    def watts(self) -> float:
        """Of all nodes at full load, cooling not counted."""
        return self.nodes * self.cluster.node.watts

    @property
    def kilowatt_hours(self) -> float:
        """Of the whole training."""
        return self.watts / 1000 * self.days * 24

    @property
    def save_every(self) -> int:
        """Steps between checkpoints."""
        return max(round(self.goodput.interval / self.step), 1)

    def summary(self) -> tuple[str, ...]:
        """The plan in a few lines, for the head of a recipe."""
        gpu = self.cluster.node.accelerator.name
        return (
            f"Planned for {self.gpus:,} {gpu} in {self.nodes:,} nodes with {self.cluster.between.name} between them:",
            f"{self.step:.4g} s a step, MFU {self.mfu:.1%}, {self.chosen.memory.peak / 1e9:.1f} GB of a GPU,",
            f"{self.days:.3g} days for {self.budget.pictures:,} pictures, goodput {self.goodput.fraction:.1%}.",
        )

    @property
    def step_parts(self) -> Mapping[str, float]:
        """Seconds of a step by what they are spent on; they add up to ``step``."""
        time = self.chosen.time
        exposed = {f"waiting for {name}": seconds for name, seconds in time.exposed.items() if seconds}
        parts = {
            "matrix products": time.matrix,
            "attention": time.attention,
            "memory-bound": time.streamed,
            "optimiser": time.update,
            **exposed,
            "pipeline bubble": time.bubble,
            "slowest node": time.waiting,
            "waiting for pictures": self.step - time.total,
        }
        return {name: seconds for name, seconds in parts.items() if seconds > 0}

    def terms(self) -> tuple[Term, ...]:
        """Every figure with its formula and source."""
        own = [
            ("plan.step", self.step, "s", "max(time.total, batch / pictures/s that the data plan can feed)"),
            ("plan.pictures_per_second", self.pictures_per_second, "pictures/s", "batch / plan.step"),
            ("plan.mfu", self.mfu, "1", "time.mfu x time.total / plan.step"),
            ("plan.seconds", self.seconds, "s", "budget.steps x plan.step"),
            ("plan.days", self.days, "d", "plan.seconds / goodput.fraction"),
            ("plan.gpu_hours", self.gpu_hours, "h", "plan.days x 24 x GPUs"),
            ("plan.save_every", float(self.save_every), "steps", "goodput.interval / plan.step"),
            ("plan.watts", self.watts, "W", "nodes x node.watts, cooling not counted"),
            ("plan.kilowatt_hours", self.kilowatt_hours, "kWh", "plan.watts x plan.days"),
            ("plan.parameters", float(self.sizes.parameters), "1", "counted: the module is made on shapes"),
        ]
        if self.cost is not None:
            own.append(("plan.cost", self.cost, "currency of --price", "plan.gpu_hours x price"))
        return (
            *(Term(key, value, unit, formula, "computed", "plan/_planned.py") for key, value, unit, formula in own),
            *self.budget.terms(),
            *self.chosen.memory.terms(),
            *self.chosen.time.terms(),
            *self.saving.terms(),
            *self.goodput.terms(),
            *self.data.terms(),
            *self.made_of,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        names = ("gpus", "nodes", "classes", "step", "pictures_per_second", "mfu", "seconds", "days", "gpu_hours")
        more = ("cost", "watts", "kilowatt_hours", "save_every", "step_parts")
        return {
            "model": self.settings.model.name,
            "parameters": self.sizes.parameters,
            "gpu": self.cluster.node.accelerator.name,
            "network": self.cluster.between.name,
            "batch": self.settings.data.batch,
            **{name: getattr(self, name) for name in (*names, *more)},
            "best": [described(one) for one in self.search.best],
            "chosen": described(self.chosen),
            "considered": self.search.considered,
            "rejected": dict(self.search.rejected),
            "budget": self.budget,
            "checkpoint": {
                "bytes": self.saving.bytes,
                "copy": self.saving.copy,
                "blocking": self.saving.blocking,
                "write": self.saving.write,
                "interval": self.goodput.interval,
            },
            "goodput": {
                name: getattr(self.goodput, name)
                for name in ("fraction", "low", "high", "interval", "young_daly", "failures", "planned", "mttf", "lost")
            },
            "data": self.data,
            "remarks": list(self.remarks),
            "terms": self.terms(),
        }


def described(one: Candidate) -> dict[str, Any]:
    """A layout in plain values."""
    return {
        "plan": one.plan.model_dump(mode="json"),
        "fits": one.fits,
        "free": one.left,
        "memory": {"peak": one.memory.peak, "when": one.memory.when, "stage": one.fullest, "parts": one.memory.parts},
        "time": {
            **{name: getattr(one.time, name) for name in ("matrix", "attention", "streamed", "update", "bubble")},
            "exposed": one.time.exposed,
            "waiting": one.time.waiting,
            "total": one.time.total,
            "mfu": one.time.mfu,
            "stage": one.slowest,
        },
    }


def planned(
    settings: Settings, cluster: Cluster, wishes: Wishes | None = None, *, measures: Measures | None = None
) -> Planned:
    """Plan a training on a cluster.

    Raises:
        EyeError: no layout fits (the message says what the nearest lacks), or something cannot be.
    """
    wishes = wishes or Wishes()
    remarks = list(wishes.remarks)
    if wishes.measured:
        wishes = _looked_up(settings, wishes, remarks)
    classes = _classes(settings, wishes, remarks)
    if wishes.layout is None:
        found = search(settings, classes, cluster, most=wishes.most, measures=measures)
    else:
        one = candidate(settings, classes, cluster, wishes.layout, measures=measures)
        found = Search((one,), 1, {}, None) if one.fits else Search((), 1, {"memory": 1}, one)
    if not found.best:
        raise EyeError(_lacking(found, cluster, settings))
    chosen = found.best[0]
    shape = shape_of(settings)
    length = budget(
        settings.data.batch,
        shape.tokens,
        corpus=wishes.corpus,
        epochs=wishes.epochs,
        pictures=wishes.pictures,
        tokens=wishes.tokens,
    )
    if length.source.startswith("assumed"):
        remarks.append(f"the budget is {length.pictures:,} pictures since none was given: --epochs, --pictures-total")
    data, step = _fed(settings, cluster, chosen, length, wishes)
    if step > chosen.time.total:
        remarks.append("pictures come too slowly: the data plan says what would help")
    held = sizes(settings, classes)
    shards = cluster.accelerators // chosen.plan.replicate
    beside = chosen.time.total - chosen.time.update
    cost = saving(held, cluster, shards=shards, beside=beside, contention=chosen.time.constants.contention)
    days = min(max(length.steps * step / DAY, _SHORTEST), _LONGEST)
    rates_of_failure = wishes.reliability or reliability()
    effective = goodput(
        cluster.accelerators,
        rates_of_failure,
        step_seconds=step,
        save_seconds=cost.blocking,
        write_seconds=cost.write,
        interval=wishes.interval,
        days=days,
        spares=under_repair(rates_of_failure, cluster.accelerators) if wishes.spares is None else wishes.spares,
        elastic=wishes.elastic,
        replica=max(-(-cluster.accelerators // chosen.plan.replicate // cluster.node.accelerators), 1),
    )
    return Planned(
        settings=settings,
        cluster=cluster,
        classes=classes,
        sizes=held,
        search=found,
        chosen=chosen,
        budget=length,
        step=step,
        saving=cost,
        goodput=effective,
        data=data,
        price=wishes.price if wishes.price is not None else cluster.node.accelerator.price,
        remarks=tuple(remarks),
        made_of=hardware_terms(cluster),
    )


def under_repair(rates_of_failure: Reliability, gpus: int) -> int:
    """Nodes that stand by so that a job mostly does not wait for a repair.

    Nodes under repair are on average failures that take a node away x time of a repair (Little, A Proof for the Queuing
    Formula L = lambda W, Operations Research 9(3), 1961); two deviations of a Poisson number are added.
    """
    mttf = rates_of_failure.mttf(gpus)
    mean = rates_of_failure.hardware * rates_of_failure.repair / mttf
    return ceil(mean + 2 * sqrt(mean))


def _looked_up(settings: Settings, wishes: Wishes, remarks: list[str]) -> Wishes:
    """Pictures and classes of the corpora, where they are at hand and nobody said."""
    named = settings.task.kind in ("classify", "margin")
    if wishes.corpus is not None and (wishes.classes is not None or not named):
        found = None
    else:
        try:
            found = training(settings)
        except EyeError as error:
            remarks.append(f"the corpus was not looked at ({error}): --pictures and --classes say what it holds")
            found = None
    if found is not None:
        corpus = wishes.corpus if wishes.corpus is not None else found.order.rows
        classes = wishes.classes if wishes.classes is not None else len(found.names) or None
        wishes = replace(wishes, corpus=corpus, classes=classes)
    if wishes.corpus is not None and (wishes.epochs, wishes.pictures, wishes.tokens) == (None, None, None):
        wishes = replace(wishes, epochs=settings.epochs)
    return wishes


def _classes(settings: Settings, wishes: Wishes, remarks: list[str]) -> int:
    if settings.task.kind not in ("classify", "margin"):
        return 0
    if wishes.classes is not None:
        return wishes.classes
    remarks.append(f"{CLASSES:,} classes, as ImageNet-1k has, since none were given: --classes")
    return CLASSES


def _fed(
    settings: Settings, cluster: Cluster, chosen: Candidate, length: Budget, wishes: Wishes
) -> tuple[DataPlan, float]:
    """What the layout wants of decoders and disks, and seconds of a step with waiting for them.

    Every process makes its own batches, so processes that work on the same pictures decode them as often.
    """
    plan = chosen.plan
    often = plan.tensor * plan.context * plan.pipeline
    found = data_plan(
        settings.data.batch * often / chosen.time.total,
        cluster,
        pictures=wishes.corpus or length.pictures,
        picture_bytes=wishes.picture_bytes,
        side=settings.data.view.size,
        rates=rates(),
        epochs=length.epochs or 1.0,
        store=wishes.store,
        batch=max(-(-settings.data.batch // plan.data), 1),
    )
    slowest = min(found.limits.values())
    return found, max(chosen.time.total, settings.data.batch * often / slowest if slowest else inf)


def _lacking(found: Search, cluster: Cluster, settings: Settings) -> str:
    gpus = f"{cluster.accelerators:,} {cluster.node.accelerator.name}"
    what = f"{settings.model.name} with batches of {settings.data.batch:,} does not fit {gpus}"
    if found.nearest is None:
        return f"{what}: training takes none of the layouts; change the batch or the number of GPUs"
    held, more = found.nearest.memory.peak / 1e9, -found.nearest.left / 1e9
    return (
        f"{what}: the layout that needs least holds {held:.1f} GB on each, {more:.1f} GB more than there are; take "
        "more GPUs or such with more memory, or lower data.batch"
    )
