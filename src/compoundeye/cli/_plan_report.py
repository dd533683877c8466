"""What `eye plan` prints: a page that the person who signs for a cluster understands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from compoundeye.cli._output import duration, print_table

if TYPE_CHECKING:
    from compoundeye.capacity import CategorisingPlan, Term, Way
    from compoundeye.plan import Actual, Candidate, Executed, Memory, Planned, Saving, Tally

GB, TB = 1e9, 1e12
DAY = 86_400.0
_SMALL = 0.0005
"""Share of a whole below which a part is not shown."""


def show_plan(plan: Planned) -> None:
    """The page."""
    gpu, network = plan.cluster.node.accelerator.name, plan.cluster.between.name
    where = f"{plan.gpus:,} {gpu} in {plan.nodes:,} nodes, {network} between them" if plan.nodes > 1 else (
        f"{plan.gpus:,} {gpu} in one node"
    )  # fmt: skip
    print(f"{plan.settings.model.name}, {plan.sizes.parameters / 1e9:,.3g} billion parameters, on {where}")
    print(f"batches of {plan.settings.data.batch:,} pictures; {_looked(plan)}\n")
    _show_best(plan)
    _show_memory(plan)
    _show_step(plan)
    _show_training(plan)
    _show_failures(plan)
    _show_data(plan)
    for remark in (*plan.remarks, *plan.data.notes):
        print(f"note: {remark}")


def _looked(plan: Planned) -> str:
    found = plan.search
    if found.considered == 1:
        return "one layout judged, as asked"
    return f"{found.considered:,} layouts considered; the fastest that fit:"


def _show_best(plan: Planned) -> None:
    batch = plan.settings.data.batch
    print_table(
        ("layout", "s a step", "MFU", "pictures/s", "GB of a GPU", "GB free"),
        [
            (
                told(one),
                round(one.time.total, 4),
                _percent(one.time.mfu),
                round(batch / one.time.total),
                round(one.memory.peak / GB, 1),
                round(one.left / GB, 1),
            )
            for one in plan.search.best
        ],
    )


def told(one: Candidate) -> str:
    """A layout in a few words: degrees above 1, and how activations are kept."""
    plan = one.plan
    names = ("replicate", "shard", "tensor", "pipeline", "chunks", "context", "expert", "accumulate")
    words = [f"{name} {getattr(plan, name)}" for name in names if getattr(plan, name) > 1]
    if plan.pipeline > 1:
        words.append(f"microbatches {max(plan.microbatches, plan.pipeline)}")
    kept = {"none": "keep all", "selective": "recompute cheap", "full": "recompute all"}
    return ", ".join([*words, kept[plan.activation_checkpointing]])


def _show_memory(plan: Planned) -> None:
    held = plan.chosen.memory
    stage = f" of stage {plan.chosen.fullest}" if plan.chosen.plan.pipeline > 1 else ""
    rows = [(name, round(size / GB, 2), _percent(size / held.peak)) for name, size in _largest(held.parts, held.peak)]
    rows += [("all, at the peak", round(held.peak / GB, 2), ""), ("left free", round(plan.chosen.left / GB, 2), "")]
    print()
    print_table(("memory of a GPU" + stage, "GB", "share"), rows)


def _show_step(plan: Planned) -> None:
    parts = plan.step_parts
    rows = [(name, round(size, 4), _percent(size / plan.step)) for name, size in _largest(parts, plan.step)]
    rows.append(("all", round(plan.step, 4), ""))
    print()
    print_table(("one step", "s", "share"), rows)


def _show_training(plan: Planned) -> None:
    length, kept = plan.budget, plan.goodput
    epochs = "" if length.epochs is None else f", {length.epochs:,.3g} epochs"
    rows = [
        ("pictures", f"{length.pictures:,}", f"{length.steps:,} steps{epochs}"),
        ("speed", f"{plan.pictures_per_second:,.0f} pictures/s", f"MFU {_percent(plan.mfu)}"),
        ("days", f"{plan.days:,.1f}", f"{plan.seconds / DAY:,.1f} without failures; goodput {_percent(kept.fraction)}"),
        ("GPU-hours", f"{plan.gpu_hours:,.0f}", "spare nodes not counted"),
        ("power", f"{plan.watts / 1e6:,.2f} MW", f"{plan.kilowatt_hours / 1000:,.0f} MWh, cooling not counted"),
    ]
    if plan.cost is not None:
        rows.append(("cost", f"{plan.cost:,.0f}", f"at {plan.price:g} a GPU-hour"))
    print()
    print_table(("training", "", ""), rows)


def _show_failures(plan: Planned) -> None:
    kept, cost = plan.goodput, plan.saving
    spare = f"{kept.spares:,} spare nodes" if kept.spares != 1 else "one spare node"
    rows = [
        ("between failures", duration(kept.mttf), f"by the rates of {kept.reliability.title}"),
        ("checkpoint", f"{cost.bytes / TB:,.2f} TB", _written(cost)),
        ("saved every", duration(kept.interval), f"{plan.save_every:,} steps"),
        ("goodput", _percent(kept.fraction), f"{_percent(kept.low)} to {_percent(kept.high)}; {spare}"),
    ]
    lost = sorted(kept.lost.items(), key=lambda one: -one[1])
    rows += [(f"lost by {cause}", _percent(share), _gpu_hours(plan, share)) for cause, share in lost if share > _SMALL]
    print()
    print_table(("failures", "", ""), rows)


def _written(cost: Saving) -> str:
    """What the storage has to take for it: beside the training, but often."""
    rate = cost.bytes / cost.write / GB
    return f"written in {duration(cost.write)} beside the training, if the storage takes {rate:,.0f} GB/s"


def _gpu_hours(plan: Planned, share: float) -> str:
    return f"{share * plan.gpu_hours:,.0f} GPU-hours"


def _show_data(plan: Planned) -> None:
    data = plan.data
    limit = min(data.limits.values(), default=0.0)
    fit = "fit" if data.cache_fits else "do not fit"
    whole, wanted = f"{data.bytes_per_second / GB:,.1f} GB/s", f"{round(data.pictures_per_second):,}"
    rows = [
        ("cores of a GPU for decoding", round(data.cores_per_gpu, 1), f"{data.cores_per_gpu_given:,.1f} are there"),
        ("MB/s that a node reads", round(data.bytes_per_second_node / 1e6, 1), f"{whole} in all"),
        ("TB of pictures", round(data.corpus_bytes / TB, 2), f"{fit} on a node's disks"),
        ("pictures/s that can be fed", round(limit), f"by {data.bound}; {wanted} are wanted"),
    ]  # fmt: skip
    if data.requests:
        rows.append(("requests to the store", round(data.requests), f"{data.transferred_bytes / TB:,.1f} TB"))
    print()
    print_table(("data", "", ""), rows)


def show_counts(plans: Sequence[Planned]) -> None:
    """Numbers of GPUs beside each other."""
    with_cost = any(one.cost is not None for one in plans)
    print_table(
        ("GPUs", "days", "GPU-hours", "MFU", "goodput", "MW", *(["cost"] if with_cost else [])),
        [
            (
                one.gpus,
                round(one.days, 2),
                round(one.gpu_hours),
                _percent(one.mfu),
                _percent(one.goodput.fraction),
                round(one.watts / 1e6, 3),
                *([None if one.cost is None else round(one.cost)] if with_cost else []),
            )
            for one in plans
        ],
    )
    print()


def show_executed(done: Executed, held: Memory, counted: Tally) -> None:
    """The dry run of a rank beside the plan, line by line."""
    from compoundeye.plan import Attention, Collective, Product

    rows: list[tuple[str, Any, Any, Any]] = [("peak memory, bytes", held.peak, done.peak, _off(held.peak, done.peak))]
    for part in sorted({*held.parts, *done.parts}):
        a, b = held.parts.get(part, 0), done.parts.get(part, 0)
        rows.append((f"  {part}", a, b, _off(a, b)))
    flops: dict[str, float] = defaultdict(float)
    sent: dict[tuple[str, str, str], float] = defaultdict(float)
    for one in counted.operations:
        if isinstance(one, Product | Attention):
            flops[one.phase] += one.flops
        elif isinstance(one, Collective):
            sent[one.phase, one.kind, one.dimension] += one.bytes * one.count
    for phase in sorted({*flops, *done.flops}):
        a, b = round(flops[phase]), done.flops.get(phase, 0)
        rows.append((f"{phase}, FLOPs", a, b, _off(a, b)))
    really: dict[tuple[str, str, str], float] = defaultdict(float)
    for call in done.sent:
        really[call.phase, call.kind, call.dimension] += call.bytes
    for key in sorted({*sent, *really}):
        rows.append((f"{' '.join(key)}, bytes", round(sent[key]), round(really[key]), _off(sent[key], really[key])))
    print()
    title = f"rank {done.rank:,} of {done.world_size:,}, stage {done.stage}: the real step ran in {done.seconds:.0f} s"
    print_table(("", "planned", "executed", "difference"), rows, title=title)


def _off(planned: float, done: float) -> str:
    if planned == done:
        return "-"
    return f"{(planned - done) / done:+.2%}" if done else "not executed"


def show_actual(found: Actual, explained: bool) -> None:
    """A run beside its plan."""
    where = f"{found.processes} x {found.accelerator}"
    print(f"{found.run}: {found.state}, step {found.step:,} of {found.steps or '?'}, {where}")
    print_table(
        ("figure", "unit", "planned", "measured", "measured / planned"),
        [(row.key, row.unit, row.planned, row.measured, row.ratio) for row in found.rows],
    )
    for remark in found.remarks:
        print(f"note: {remark}")
    if explained:
        explain(found.terms())


def show_categorising(found: CategorisingPlan) -> None:
    """Hours and room for an archive."""
    print(f"{found.pictures:,} pictures of {found.picture_bytes / 1e3:,.0f} KB with {found.model}")
    print(f"on {found.machines:,} machines with {found.cores:,} cores and {found.gpus:,} GPUs\n")

    def way(name: str, one: Way) -> tuple[Any, ...]:
        return name, round(one.hours, 2), round(one.pictures_per_second), round(one.core_hours), one.bound, one.cost

    print_table(
        ("", "hours", "pictures/s", "core-hours", "bound by", "cost"),
        [way("ingest", found.ingest), way("categorise", found.categorise)],
    )
    print()
    print_table(("stored", "GB"), [(name, round(size / GB, 2)) for name, size in found.storage.items()])
    for remark in found.notes:
        print(f"note: {remark}")


def explain(terms: Iterable[Term]) -> None:
    """Every number, how it came about and where it is from."""
    print()
    print_table(
        ("figure", "value", "unit", "kind", "formula", "source"),
        [(one.key, float(one.value), one.unit, one.kind, one.formula, one.source) for one in terms],
    )


def _largest(parts: Mapping[str, float], whole: float) -> list[tuple[str, float]]:
    shown = [(name, size) for name, size in parts.items() if size > _SMALL * whole]
    return sorted(shown, key=lambda one: -one[1])


def _percent(share: float) -> str:
    return f"{share:.1%}"
