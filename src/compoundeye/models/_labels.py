"""What the outputs of a classifier are called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from compoundeye.models._tree import Tree, read_tree


@dataclass(frozen=True, eq=False)
class Labels:
    """Names of K labels in the order of the logits."""

    names: tuple[str, ...]
    """[K] human names, unique without regard to case."""
    synsets: tuple[str, ...] | None = None
    """[K] WordNet 3.0 identifiers, where the labels are synsets."""
    tree: Tree | None = None
    """Broader categories above the labels, where there are any."""

    def __post_init__(self) -> None:
        if len({name.lower() for name in self.names}) != len(self.names):
            raise ValueError("labels need distinct names")

    def __len__(self) -> int:
        return len(self.names)


@cache
def labels(name: str) -> Labels:
    """A label set by the name that cards use.

    "imagenet-1k": the 1,000 labels of the ImageNet Large Scale Visual Recognition Challenge 2012 (Russakovsky et
    al., 2015, arXiv:1409.0575) with WordNet 3.0 above them as a tree (see ``tools/imagenet_tree.py``; its licence
    is beside the data). A path: the file of a registered model, one label a line, without a tree.
    """
    if Path(name).is_absolute():
        return Labels(tuple(Path(name).read_text("utf-8").split("\n")[:-1]))
    text = files("compoundeye.models").joinpath("data", f"{name}.tsv").read_text("utf-8")
    tree = read_tree(text.splitlines())
    return Labels(tuple(tree.names[node] for node in tree.leaf), tuple(tree.synsets[node] for node in tree.leaf), tree)
