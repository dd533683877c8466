"""A plan is written as a recipe that training reads as it was meant."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from compoundeye.plan._as_recipe import as_recipe
from compoundeye.train import Plan, Settings, read_recipe

SETTINGS = Settings.model_validate(
    {
        "name": "big",
        "epochs": 2.5,
        "data": {
            "corpora": [{"path": 'a "b" \\c.lance', "weight": 0.25}, {"path": "ä.lance", "version": 3}],
            "where": "source LIKE '%train%'",
            "category": ["cat", "dog"],
            "batch": 4096,
            "view": {"size": 224, "scale": [0.2, 1.0]},
        },
        "model": {"name": "vit-22b", "options": {"drop_path": 0.1, "a-b c": True}, "mean": [1, 2.5, 3]},
        "task": {"label_smoothing": 0.1},
        "optimiser": {"learning_rate": 1e-05, "weight_decay": 3e-20},
    }
)


def read(text: str, place: Path) -> Settings:
    place.write_text(text, encoding="utf-8")
    return read_recipe(str(place))


def test_training_reads_what_was_planned(tmp_path: Path) -> None:
    plan = Plan(replicate=4, shard=128, tensor=8, pipeline=2, microbatches=16, precision="bf16", compile=True)
    text = as_recipe(SETTINGS, plan, save_every=77, remarks=("for 8,192 h100",))
    found = read(text, tmp_path / "x.toml")
    assert found.plan == plan
    assert found.saving.every == 77
    unchanged = {"plan": SETTINGS.plan, "saving": SETTINGS.saving}
    assert found.model_copy(update=unchanged) == SETTINGS
    assert text.startswith("# for 8,192 h100\n")


def test_a_run_without_a_name_is_called_after_the_file(tmp_path: Path) -> None:
    plain = Settings.model_validate({"data": {"corpora": [{"path": "c.lance"}]}})
    assert read(as_recipe(plain, Plan()), tmp_path / "chosen.toml").name == "chosen"


@given(where=st.text(st.characters(exclude_categories=["Cs"])), rate=st.floats(1e-300, 1e300))
def test_any_text_and_number_comes_back(where: str, rate: float) -> None:
    import tomllib

    changed = SETTINGS.model_dump()
    changed["data"]["where"], changed["optimiser"]["learning_rate"] = where, rate
    settings = Settings.model_validate(changed)
    found = Settings.model_validate(tomllib.loads(as_recipe(settings, settings.plan)))
    assert found == settings
