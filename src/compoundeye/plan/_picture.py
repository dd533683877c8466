"""A plan as a picture: what each stage does in a step, and what the fullest one holds meanwhile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compoundeye.plan._course import Course, course
from compoundeye.plan._executed import Moment
from compoundeye.plan._planned import Planned
from compoundeye.plan._search import Measures, case_of
from compoundeye.plan._timeline import Bar
from compoundeye.records import EyeError
from compoundeye.runs import COLOURS, draw_figure

_MOST_ROWS = 12
"""Stages in one picture: more cannot be told apart."""
_MOST_BARS = 4_000
"""Of one row; of more, thinner than the picture can show, neighbours are drawn as one."""
_DOING = {"forward": COLOURS[5], "backward": COLOURS[0], "traffic": COLOURS[1], "update": COLOURS[6]}
_SAID = {
    "forward": "forward",
    "backward": "backward, with what is computed again",
    "traffic": "waiting for parameters and gradients",
    "update": "optimiser",
}
_PARTS = {
    "parameters": "#332288",
    "optimiser": "#6699CC",
    "average": "#88CCEE",
    "gradients": "#117733",
    "gathered": "#44AA99",
    "reduced": "#999933",
    "activations": "#DDCC77",
    "recomputed": "#CC6677",
    "temporaries": "#AA4499",
    "inputs": "#882255",
    "buffers": "#888888",
}
"""Stacked from below; Paul Tol's muted scheme (2021), which people of any colour vision tell apart."""


def picture(plan: Planned, out: str | os.PathLike[str], *, measures: Measures | None = None) -> Path:
    """Draw a plan's step into a .png, .svg or .pdf.

    Raises:
        EyeError: the file's ending is no picture's, matplotlib is not installed, or nothing can be written there.
    """
    place = Path(out).expanduser()
    if place.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise EyeError(f"{place} should end in .png, .svg or .pdf: it is a picture")
    case = case_of(plan.settings, plan.classes, plan.chosen.plan)
    step = course(case, plan.cluster, measures)
    rows = shown(step.stages)
    height = 1.6 + 0.34 * len(rows)
    draw_figure(place, (11.0, height + 4.4), lambda figure: _drawn(figure, plan, step, rows, height))
    return place


def shown(stages: int) -> list[int]:
    """Which stages of a pipeline are drawn: all, or some evenly between the first and the last."""
    if stages <= _MOST_ROWS:
        return list(range(stages))
    return sorted({round(i * (stages - 1) / (_MOST_ROWS - 1)) for i in range(_MOST_ROWS)})


def _drawn(figure: Any, plan: Planned, step: Course, rows: Sequence[int], height: float) -> None:
    upper, lower = figure.subplots(2, 1, height_ratios=(height, 4.4))
    _time(upper, plan, step, rows)
    _memory(lower, plan)


def _time(panel: Any, plan: Planned, step: Course, rows: Sequence[int]) -> None:
    for number, stage in enumerate(rows):
        mine = [bar for bar in step.bars if bar.stage == stage]
        for doing, colour in _DOING.items():
            spans = merged([bar for bar in mine if bar.doing == doing], step.seconds)
            edge = "white" if len(spans) < 120 else "none"
            panel.broken_barh(spans, (number - 0.4, 0.8), facecolors=colour, edgecolor=edge, linewidth=0.4)
    panel.set_yticks(range(len(rows)), [_ranks(step, stage) for stage in rows], fontsize=8)
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xlim(0, step.seconds)
    panel.set_xlabel("seconds")
    one, time = plan.chosen.plan, plan.chosen.time
    where = f"{plan.gpus:,} {plan.cluster.node.accelerator.name}"
    panel.set_title(
        f"One step of {plan.settings.model.name} on {where}: {time.total:.3g} s, MFU {time.mfu:.1%}\n{told(one)}",
        fontsize=10,
        loc="left",
    )
    _plain(panel)
    handles = [_patch(colour, _SAID[doing]) for doing, colour in _DOING.items()]
    panel.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.28 / max(len(rows), 2) - 0.12), ncols=4,
                 fontsize=8, frameon=False)  # fmt: skip


def _ranks(step: Course, stage: int) -> str:
    first, last = stage * step.ranks_each, (stage + 1) * step.ranks_each - 1
    ranks = f"ranks {first:,} to {last:,}" if last > first else f"rank {first:,}"
    return ranks if step.stages == 1 else f"stage {stage}: {ranks}"


def told(plan: Any) -> str:
    """A layout in one line: degrees above 1, and how activations are kept."""
    names = ("pipeline", "chunks", "replicate", "shard", "context", "tensor", "expert", "accumulate")
    parts = [f"{name} {getattr(plan, name)}" for name in names if getattr(plan, name) > 1]
    if plan.pipeline > 1:
        parts.append(f"{max(plan.microbatches, plan.pipeline)} microbatches")
    return ", ".join([*parts, f"checkpointing {plan.activation_checkpointing}", plan.precision])


def merged(bars: Sequence[Bar], seconds: float) -> list[tuple[float, float]]:
    """Start and length of each; where there are too many, gaps that cannot be seen are closed."""
    spans = sorted((bar.start, bar.end) for bar in bars)
    if len(spans) <= _MOST_BARS:
        return [(start, end - start) for start, end in spans]
    found: list[list[float]] = []
    for start, end in spans:
        if found and start - found[-1][1] < seconds / _MOST_BARS:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [(start, end - start) for start, end in found]


def _memory(panel: Any, plan: Planned) -> None:
    held, gpu = plan.chosen.memory, plan.cluster.node.accelerator
    moments = held.moments
    places = range(len(moments) + 1)
    names = [name for name in _PARTS if any(moment.parts.get(name) for moment in moments)]
    names += sorted({name for moment in moments for name in moment.parts} - set(_PARTS))
    floor = [0.0] * (len(moments) + 1)
    for name in names:
        sizes = [moment.parts.get(name, 0) / 1e9 for moment in moments]
        top = [low + size for low, size in zip(floor, [*sizes, sizes[-1]], strict=True)]
        label = name if max(sizes) > 0.01 * held.peak / 1e9 else None
        panel.fill_between(places, floor, top, step="post", color=_PARTS.get(name, "#BBBBBB"), linewidth=0, label=label)
        floor = top
    room = (gpu.memory - gpu.reserved) / 1e9
    panel.axhline(room, color="black", linewidth=1.2, linestyle="--")
    panel.text(0, room, " what a program can have", fontsize=8, va="bottom")
    panel.set_ylim(0, 1.12 * max(room, held.peak / 1e9))
    panel.set_xlim(0, max(len(moments), 1))
    _label_moments(panel, moments)
    panel.set_ylabel("GB")
    who = f"stage {plan.chosen.fullest}, " if plan.chosen.plan.pipeline > 1 else ""
    panel.set_title(
        f"Memory of a rank over the step ({who}moment by moment): at most {held.peak / 1e9:.1f} GB, {held.when}",
        fontsize=10,
        loc="left",
    )
    _plain(panel)
    handles, labels = panel.get_legend_handles_labels()
    panel.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _label_moments(panel: Any, moments: Sequence[Moment]) -> None:
    """Names of a few moments, evenly; all cannot be read."""
    every = max(len(moments) // 10, 1)
    places = list(range(0, len(moments), every))
    panel.set_xticks(
        [place + 0.5 for place in places],
        [moments[place].name.replace("backbone.", "") for place in places],
        rotation=30,
        ha="right",
        fontsize=7,
    )


def _plain(panel: Any) -> None:
    panel.grid(visible=True, axis="x", linewidth=0.4, alpha=0.4)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)
