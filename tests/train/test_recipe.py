"""Recipes: TOML, changes on the command line, Python functions, and mistakes in them."""

from pathlib import Path

import pytest

from compoundeye.records import EyeError
from compoundeye.runs import differences
from compoundeye.train import read_recipe
from compoundeye.train._recipe import as_json

RECIPE = """
epochs = 2
[data]
corpora = [{ path = "a.lance" }, { path = "b.lance", weight = 3 }]
batch = 32
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "first try.toml").write_text(RECIPE.replace("epochs", 'name = "first"\nepochs'))
    return str(tmp_path / "first try.toml")


def test_a_recipe_is_complete_with_defaults(recipe: str) -> None:
    settings = read_recipe(recipe)
    assert (settings.name, settings.epochs, settings.data.batch) == ("first", 2, 32)
    assert [source.weight for source in settings.data.corpora] == [1, 3]


def test_changes_reach_every_depth(recipe: str) -> None:
    changes = ["data.batch=64", "optimiser.name=sgd", "data.corpora.1.path=c.lance", "model.options.width=48"]
    settings = read_recipe(recipe, changes)
    assert settings.data.batch == 64
    assert settings.optimiser.name == "sgd"
    assert settings.data.corpora[1].path == "c.lance"
    assert settings.model.options == {"width": 48}
    told = {one.key for one in differences([as_json(read_recipe(recipe)), as_json(settings)])}
    assert {"data.batch", "optimiser.name", "data.corpora.1.path", "model.options.width"} <= told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.bach=1", "data.bach: no such setting"),
        ("data.batch=0", "data.batch: Input should be greater than or equal to 1"),
        ("data.batch", "section.key=value"),
        ("epochs.of=1", "epochs is a value"),
        ("data.target=none", "needs classes"),
    ],
)
def test_a_mistake_is_named_where_it_is(recipe: str, change: str, said: str) -> None:
    with pytest.raises(EyeError, match=said.replace(".", r"\.")):
        read_recipe(recipe, [change])


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="cannot read the recipe"):
        read_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("[data")
    with pytest.raises(EyeError, match="is not TOML"):
        read_recipe(str(tmp_path / "bad.toml"))


def test_a_python_function_gives_settings(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from compoundeye.train import Settings\n"
        "def mine():\n"
        "    return Settings.model_validate({'name': 'm', 'data': {'corpora': [{'path': 'x'}]}})\n"
    )
    assert read_recipe(f"{file}:mine", ["seed=7"]).seed == 7
    with pytest.raises(EyeError, match="no function other"):
        read_recipe(f"{file}:other")
