"""Make src/compoundeye/models/data/imagenet-1k.tsv: the 1,000 ImageNet labels and WordNet above them, as one tree.

    python tools/imagenet_tree.py DICT SYNSETS > src/compoundeye/models/data/imagenet-1k.tsv

DICT is the folder with WordNet 3.0's ``data.noun`` (Debian's package ``wordnet-base`` has it); SYNSETS is a text
file with the 1,000 identifiers in the order of the network's outputs (``timm/data/_info/imagenet_synsets.txt`` in
the wheel of timm). Identifiers are ``n`` and the eight digits of a synset's offset in ``data.noun`` of WordNet 3.0.

WordNet is a graph: a dog is a canine and a domestic animal. A tree needs one parent, and this takes the hypernym
that lies deepest below the root by its longest path (ties: the one over more of the 1,000 labels, then the smaller
offset). Depth favours the most specific reading, which for living things is the taxonomy: dog under canine,
domestic cat under cat. Of about 70 synsets with a choice, PARENTS below decides eleven by hand.

Each line is a node: identifier, name, line number of the parent (-1 for the root), index of the label (-1 for inner
nodes). Parents come before children; the lines under a node are contiguous (depth first), which is what makes
summing over a node one subtraction.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Where the first word of a synset says two things among the labels and the second says it better.
NAMES = {"n03710637": "maillot", "n03710721": "tank suit"}

# Where the deepest parent reads badly: the parent people would name.
PARENTS = {
    "n00019613": "n00020827",  # substance: matter, not part
    "n03208556": "n03959936",  # disk: plate, not circle
    "n03770679": "n02958343",  # minivan: car, not passenger van
    "n03854065": "n03614532",  # organ: keyboard instrument, not wind instrument
    "n03928116": "n03614532",  # piano: keyboard instrument, not percussion instrument
    "n04371774": "n03964744",  # swing: plaything, not mechanical device
    "n06595351": "n06589574",  # magazine: publication, not press
    "n07679356": "n07622061",  # bread: baked goods, not starches
    "n07871810": "n07557434",  # meat loaf: dish, not loaf of bread
    "n07881800": "n00021265",  # beverage: food, not liquid
    "n09214060": "n09409512",  # bar (of sand): ridge, not barrier
}


@dataclass(frozen=True)
class Synset:
    words: tuple[str, ...]
    hypernyms: tuple[str, ...]


def read_nouns(folder: Path) -> dict[str, Synset]:
    """Read ``data.noun`` (format: wndb(5WN)): identifier -> words and hypernyms."""
    nouns = {}
    for line in (folder / "data.noun").read_text("latin-1").splitlines():
        if line.startswith("  "):
            continue  # the licence stands at the top
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        words = tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2])
        pointers = fields[5 + 2 * count :]
        up = tuple("n" + pointers[i + 1] for i in range(0, len(pointers) - 3, 4) if pointers[i] in ("@", "@i"))
        nouns["n" + fields[0]] = Synset(words, up)
    return nouns


def choose_parents(nouns: dict[str, Synset], leaves: list[str]) -> dict[str, str | None]:
    """One parent for every synset at or above the leaves; None for the root."""

    @cache
    def depth(synset: str) -> int:
        return max((1 + depth(up) for up in nouns[synset].hypernyms), default=0)

    @cache
    def above(synset: str) -> frozenset[str]:
        return frozenset({synset}.union(*(above(up) for up in nouns[synset].hypernyms)))

    covers = Counter(node for leaf in leaves for node in above(leaf))
    parents: dict[str, str | None] = {}
    for leaf in leaves:
        node: str | None = leaf
        while node is not None and node not in parents:
            ups = nouns[node].hypernyms
            deepest = min(ups, key=lambda up: (-depth(up), -covers[up], up)) if ups else None
            parents[node] = PARENTS.get(node, deepest)
            assert deepest is None or parents[node] in ups
            node = parents[node]
    return parents


def choose_names(nouns: dict[str, Synset], parents: dict[str, str | None], leaves: list[str]) -> dict[str, str]:
    """A name for every node, unique without regard to case; labels choose before inner nodes."""
    first = Counter(nouns[leaf].words[0].lower() for leaf in leaves)
    names: dict[str, str] = {}
    taken: set[str] = set()

    def give(node: str, wishes: list[str]) -> None:
        name = next(wish for wish in wishes if wish.lower() not in taken)
        names[node] = name
        taken.add(name.lower())

    for node in sorted(NAMES.keys() & parents.keys()):
        give(node, [NAMES[node]])
    for node in leaves + [node for node in parents if node not in set(leaves)]:
        if node in names:
            continue
        words, parent = nouns[node].words, parents[node]
        kind = nouns[parent].words[0] if parent else "root"
        ambiguous = node in leaves and first[words[0].lower()] > 1
        plain = [] if ambiguous else list(words)
        give(node, [*plain, f"{words[0]} ({kind})", f"{words[0]} ({node})"])
    return names


def depth_first(parents: dict[str, str | None], leaves: list[str]) -> list[str]:
    """Nodes so that every subtree is a contiguous run; siblings stay in the order of their first label."""
    children: defaultdict[str | None, list[str]] = defaultdict(list)
    for node in parents:
        children[parents[node]].append(node)
    order: list[str] = []
    stack = list(reversed(children[None]))
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(reversed(children[node]))
    assert len(order) == len(parents)
    assert all(not children[leaf] for leaf in leaves)
    return order


def main(dictionary: str, synsets: str) -> None:
    leaves = Path(synsets).read_text().split()
    nouns = read_nouns(Path(dictionary))
    parents = choose_parents(nouns, leaves)
    names = choose_names(nouns, parents, leaves)
    order = depth_first(parents, leaves)
    line_of = {node: line for line, node in enumerate(order)}
    label_of = {leaf: label for label, leaf in enumerate(leaves)}
    for node in order:
        parent = parents[node]
        row = (node, names[node], -1 if parent is None else line_of[parent], label_of.get(node, -1))
        print(*row, sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:3])
