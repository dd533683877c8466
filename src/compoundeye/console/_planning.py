"""What runs in the planner's own process: it plans, one question a line, until nobody asks any more.

Planning needs torch, half a gigabyte, and seconds to minutes of one core: nothing for the process that serves pages.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from compoundeye.console._plan_request import ActualRequest, PlanRequest
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.plan import Planned
    from compoundeye.train import Settings

NO_TORCH = (
    "planning a training needs {}, which the server has not: install torch, then pip install 'compoundeye[train]'"
)
_NICENESS = 10
_PLAIN: TypeAdapter[Any] = TypeAdapter(Any, config={"ser_json_inf_nan": "null"})


def main() -> None:
    """Answer lines of JSON from standard input on standard output, and end when the input does."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    with suppress(OSError):
        os.nice(_NICENESS)
    for asked in _lines():
        answers.write(json.dumps(answer(asked)) + "\n")
        answers.flush()


def _lines() -> Iterator[dict[str, Any]]:
    """Questions; the process ends at once when its console does, also amid an answer."""
    waiting: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(waiting.get())


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """{"result": ...} or {"error": one sentence}."""
    try:
        made = _actual(asked) if asked["kind"] == "actual" else _plan(asked)
    except ModuleNotFoundError as missing:
        return {"error": NO_TORCH.format(missing.name)}
    except EyeError as error:
        return {"error": str(error)}
    return {"result": json.loads(_PLAIN.dump_json(made))}


def _plan(asked: dict[str, Any]) -> dict[str, Any]:
    from compoundeye.capacity import cluster, reliability
    from compoundeye.plan import Wishes, as_recipe, default_settings, layout_of, planned

    wanted, remarks = PlanRequest.model_validate(asked["wanted"]), tuple[str, ...]()
    if wanted.model is not None:
        settings, remarks = default_settings(wanted.model, wanted.change)
    else:
        settings = _settings_of(asked["folder"], wanted.change)
    wishes = Wishes(
        classes=wanted.classes or _classes(asked["folder"]),
        corpus=wanted.pictures,
        epochs=wanted.epochs,
        pictures=wanted.pictures_total,
        tokens=wanted.tokens,
        picture_bytes=wanted.picture_bytes,
        store=wanted.store,
        reliability=reliability(wanted.reliability),
        spares=wanted.spares,
        elastic=wanted.elastic,
        price=wanted.price,
        most=wanted.most,
        layout=None if wanted.layout is None else layout_of(settings.plan, wanted.layout),
        remarks=remarks,
    )
    plans = [
        planned(settings, cluster(wanted.gpu, number, wanted.network, storage=wanted.storage), wishes)
        for number in dict.fromkeys(wanted.gpus)
    ]
    best = min(plans, key=lambda one: one.days if wanted.by == "time" else one.gpu_hours)
    recipe = as_recipe(best.settings, best.chosen.plan, save_every=best.save_every, remarks=best.summary())
    picture, note = _drawn(best)
    told = best.as_dict()
    told["data"] = {name: getattr(best.data, name) for name in best.data.__slots__ if name != "made_of"}
    told["goodput"] |= {"spares": best.goodput.spares, "by": best.goodput.reliability.title}
    told["remarks"] = [*told["remarks"], *best.data.notes, *([note] if note else [])]
    return told | {"compared": [_brief(one) for one in plans], "recipe": recipe, "picture": picture}


def _drawn(best: Planned) -> tuple[str | None, str | None]:
    """The picture as base64 of a PNG, or why there is none."""
    from compoundeye.plan import picture

    with tempfile.TemporaryDirectory(prefix="eye-") as folder:
        try:
            return base64.b64encode(picture(best, Path(folder) / "plan.png").read_bytes()).decode(), None
        except EyeError as error:
            return None, f"there is no picture: {error}"


def _brief(one: Planned) -> dict[str, Any]:
    names = ("gpus", "nodes", "days", "gpu_hours", "mfu", "step", "watts", "cost", "kilowatt_hours")
    return {**{name: getattr(one, name) for name in names}, "goodput": one.goodput.fraction}


def _settings_of(folder: str, changes: list[str]) -> Settings:
    from compoundeye.runs import RunFolder
    from compoundeye.train import settings_of

    return settings_of(RunFolder.open(folder).settings(), "the run", changes)


def _classes(folder: str | None) -> int | None:
    from compoundeye.runs import RunFolder

    return None if folder is None else len(RunFolder.open(folder).classes() or ()) or None


def _actual(asked: dict[str, Any]) -> dict[str, Any]:
    from compoundeye.capacity import cluster
    from compoundeye.plan import actual
    from compoundeye.runs import RunFolder

    wanted = ActualRequest.model_validate(asked["wanted"])
    machine = None
    if wanted.gpu is not None:
        processes = int(RunFolder.open(asked["folder"]).status().get("processes") or 1)
        machine = cluster(wanted.gpu, processes, wanted.network)
    found = actual(asked["folder"], machine)
    return {**found.as_dict(), "terms": found.terms()}
