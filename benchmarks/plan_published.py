"""How well the plan's step time agrees with published tables, and the fit of its constants to half of them.

    python benchmarks/plan_published.py [--fit] [--swap] [--rows] [--json FILE]

The tables are in src/compoundeye/plan/data/published, each with its source. Half: the models of each table in order of
size, every second one; whole models, so that no row of the judged half has a sister with another batch or another
number of GPUs in the fitted half. Printed for both halves: median and worst error of model FLOPs utilisation, modelled
over measured less one, by table and over all rows; --rows prints each row with where its time goes.

--fit fits the constants to the first half and writes src/compoundeye/plan/data/constants.toml; --swap fits them to the
other half, writes nothing, and judges the first: how much depends on which half it was. The fit: least squares of the
logarithm of time, a model of a table weighs as much as another however many rows it has, outliers count less (soft L1),
and a ridge holds what rows cannot tell apart near what the hardware's own curves promise. float8 has one constant more,
fitted after the others to the first half of its own tables, and is judged apart. Needs SciPy for --fit and --swap.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compoundeye.plan import (
    Constants,
    PublishedRun,
    StepTime,
    Tally,
    constants,
    constants_names,
    fitted_half,
    language_tally,
    published_runs,
    step_time,
)

Values = dict[str, float]
OUT = Path(__file__).parents[1] / "src" / "compoundeye" / "plan" / "data" / "constants.toml"
PRODUCTS = {
    "eager-2023": "2023",
    "eager-2024": "2024",
    "compiled-2024": "2024",
    "eager-2026": "2026",
    "compiled-2026": "2026",
    "megatron-2022": "2022",
    "megatron-2024": "megatron",
    "llama3": "megatron",
}
ATTENTION = {
    "eager-2023": "triton",
    "eager-2024": "flash2",
    "compiled-2024": "flash2",
    "llama3": "flash2",
    "eager-2026": "2026",
    "compiled-2026": "2026",
    "megatron-2022": "none",
    "megatron-2024": "cudnn",
}
"""Which kinds of software share libraries of products, and kernels of attention."""
BOUNDS = {  # start and where the ridge holds, lowest, highest, weight of the ridge
    # highest: 0.95 of the A100's peak, as large ones reach (calculon, systems/a100_80g.json), over our curve's 0.82
    "products": (1.0, 0.5, 1.16, 0.05),
    "attention": (0.4, 0.08, 0.8, 0.05),
    "streams": (0.8, 0.3, 1.0, 0.05),
    "contention": (0.2, 0.0, 1.0, 0.0),
    "jitter": (0.005, 0.0, 0.03, 0.0),
    "float8": (0.8, 0.3, 1.0, 0.0),
}


@dataclass(frozen=True)
class Row:
    run: PublishedRun
    tally: Tally
    first: bool
    """Of the half that is fitted."""

    @property
    def table(self) -> str:
        return self.run.group.rsplit("/", 1)[0]


def names_of(row: Row) -> dict[str, str]:
    """Which fitted value is which constant of a row."""
    software, kind = row.run.constants.split("/")
    return {
        "products": f"products {PRODUCTS[software]}/{kind}",
        "attention": f"attention {ATTENTION[software]}/{kind}",
        "streams": f"streams {'fused' if row.run.run.habits.fused else 'eager'}",
        "contention": "contention",
        "jitter": "jitter",
        "float8": "float8",
    }


def constants_of(row: Row, values: Mapping[str, float]) -> Constants:
    return Constants(**{field: values.get(name, start(field)) for field, name in names_of(row).items()})


def start(name: str) -> float:
    return BOUNDS[name.split()[0]][0]


def errors(rows: Sequence[Row], sets: Sequence[Constants]) -> npt.NDArray[np.float64]:
    """Modelled over measured time, logarithm."""
    pairs = zip(rows, sets, strict=True)
    return np.log([step_time(row.tally, row.run.machine, set_).total / row.run.seconds for row, set_ in pairs])


def fit(rows: Sequence[Row], names: Sequence[str], fixed: Values) -> Values:
    from scipy.optimize import least_squares

    often = Counter(row.run.group for row in rows)
    weight = np.array([often[row.run.group] ** -0.5 for row in rows])
    ridge = np.array([BOUNDS[name.split()[0]][3] for name in names])
    first = np.array([start(name) for name in names])

    def residuals(point: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        values = fixed | dict(zip(names, point.tolist(), strict=True))
        data = weight * errors(rows, [constants_of(row, values) for row in rows])
        return np.concatenate([data, ridge * np.log(np.maximum(point, 1e-9) / first)])

    low, high = ([BOUNDS[name.split()[0]][side] for name in names] for side in (1, 2))
    found = least_squares(
        residuals, first, bounds=(low, high), loss="soft_l1", f_scale=0.1, diff_step=1e-3, max_nfev=60
    )
    return fixed | dict(zip(names, found.x.tolist(), strict=True))


def fit_all(bf16: Sequence[Row], float8: Sequence[Row]) -> Values:
    """All constants; rows of the halves that they are to be fitted to."""
    names = {name for row in bf16 for field, name in names_of(row).items() if field != "float8"}
    names -= {name for name in names if name.startswith("attention none")}
    values = fit(bf16, sorted(names), {})
    return fit(float8, ["float8"], values) if float8 else values


def summary(rows: Sequence[Row], times: Sequence[StepTime]) -> dict[str, float]:
    wrong = np.array([row.run.seconds / time.total - 1 for row, time in zip(rows, times, strict=True)])
    worst = wrong[np.argmax(abs(wrong))]
    return {
        "rows": len(rows),
        "median": round(float(np.median(abs(wrong))), 4),
        "worst": round(float(worst), 4),
        "bias": round(float(np.median(wrong)), 4),
        "over 10 %": int((abs(wrong) > 0.1).sum()),
        "over 25 %": int((abs(wrong) > 0.25).sum()),
    }


def judged(title: str, rows: Sequence[Row], times: Mapping[int, StepTime], *, each: bool) -> dict[str, object]:
    print(f"\n{title}")
    found: dict[str, object] = {}
    tables = list(dict.fromkeys(row.table for row in rows))
    for name in [*tables, "all"]:
        some = [row for row in rows if name in {row.table, "all"}]
        if not some:
            continue
        one = summary(some, [times[id(row)] for row in some])
        found[name] = one
        print(f"  {name:44} {one['rows']:4} rows  median {one['median']:6.1%}  worst {one['worst']:+7.1%}  "
              f"bias {one['bias']:+6.1%}  over 25 %: {one['over 25 %']}")  # fmt: skip
    for row in rows if each else ():
        show(row, times[id(row)])
    return found


def show(row: Row, time: StepTime) -> None:
    run = row.run.run
    parts = {"matrix": time.matrix, "attention": time.attention, "streamed": time.streamed, "update": time.update}
    parts |= dict(time.exposed) | {"bubble": time.bubble, "waiting": time.waiting}
    shares = "  ".join(f"{name} {part / time.total:.0%}" for name, part in parts.items() if part > 0.005 * time.total)
    measured, modelled = row.run.mfu, row.run.mfu * row.run.seconds / time.total
    print(f"    {modelled / measured - 1:+7.1%}  measured {measured:5.1%}  modelled {modelled:5.1%}  {row.run.group} "
          f"on {run.gpus}, {run.sequence} tokens x {run.micro}, {run.checkpointing}: {shares}")  # fmt: skip


def written(values: Values, rows: Sequence[Row], report: Mapping[str, object]) -> str:
    sets = dict[str, Constants]()
    for row in rows:
        sets.setdefault(row.run.constants, constants_of(row, values))
    lines = [
        "# Written by benchmarks/plan_published.py --fit; the tables it is fitted to are in data/published.",
        f"# {date.today()}: {json.dumps(report)}",
        "",
        "[shared]",
        *(f"{name} = {values[name]:.4f}" for name in ("contention", "jitter", "float8")),
        "",
        "[fitted]",
    ]
    for name, one in sorted(sets.items()):
        figures = (f"{field} = {getattr(one, field):.4f}" for field in ("products", "attention", "streams"))
        lines.append(f'"{name}" = {{ {", ".join(figures)} }}')
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="fit to the first half and write constants.toml")
    parser.add_argument("--swap", action="store_true", help="fit to the other half instead, write nothing")
    parser.add_argument("--rows", action="store_true", help="print every row")
    parser.add_argument("--json", type=Path, help="also write the result here")
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    runs = published_runs()
    half = fitted_half(runs)
    rows = [Row(run, language_tally(run.run), (run.group in half) != args.swap) for run in runs]
    kept = [row for row in rows if not row.run.excluded]
    float8 = [row for row in kept if row.run.run.precision == "float8"]
    bf16 = [row for row in kept if row.run.run.precision != "float8"]
    if args.fit or args.swap:
        values = fit_all([row for row in bf16 if row.first], [row for row in float8 if row.first])
        for name, value in values.items():
            print(f"  {name:24} {value:.4f}")
        sets = [constants_of(row, values) for row in rows]
    else:
        missing = {row.run.constants for row in rows} - set(constants_names())
        if missing:
            raise SystemExit(f"run with --fit first: nothing was fitted to {', '.join(sorted(missing))}")
        sets = [constants(row.run.constants) for row in rows]
    times = {id(row): step_time(row.tally, row.run.machine, set_) for row, set_ in zip(rows, sets, strict=True)}
    report: dict[str, object] = {}
    for title, some in (
        ("fitted half", [row for row in bf16 if row.first]),
        ("judged half", [row for row in bf16 if not row.first]),
        ("float8, fitted half", [row for row in float8 if row.first]),
        ("float8, judged half", [row for row in float8 if not row.first]),
    ):
        report[title] = judged(title, some, times, each=args.rows)["all"]
    print("\nnot judged")
    for row in rows:
        if row.run.excluded:
            show(row, times[id(row)])
            print(f"             {row.run.excluded}")
    if args.fit:
        OUT.write_text(written(values, rows, report))
        print(f"\nwrote {OUT}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
