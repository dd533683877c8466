"""How often a classifier is right on 111 labelled pictures that a package carries.

    apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb stamps
    python benchmarks/top1.py stamps/usr/share/tuxpaint/stamps

The pictures are photographs of single things, cut out and set on white here: easier than ImageNet's own validation set
in that nothing else is in view, harder in that some are 60 pixels wide and none looks like the training pictures. They
compare models, precisions and runtimes with each other; they do not replace the published figure. ``top1.tsv`` names
the pictures and their labels among ImageNet's 1,000, set by eye. Drawings, spoilt cut-outs, and things whose species or
kind has no label of its own were left out, some of them after a first run had been seen, which may flatter a little.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

import compoundeye.models as models

MODELS = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "efficientnet-lite0-int8")


def on_white(path: Path) -> bytes:
    """The cut-out in the middle of a white square with a margin, as a JPEG."""
    picture = Image.open(path).convert("RGBA")
    side = round(max(picture.size) * 1.1)
    square = Image.new("RGBA", (side, side), "white")
    square.alpha_composite(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    encoded = io.BytesIO()
    square.convert("RGB").save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


def report(name: str, precision: str, encoded: list[bytes], wanted: list[set[str]], *, mistakes: bool) -> None:
    vision = models.load(name, precision=precision)
    if vision.precision != precision:
        return
    assert vision.labels is not None
    logits = vision(np.stack([vision.prepare(data) for data in encoded])).logits
    assert logits is not None
    best = [[vision.labels.names[label] for label in row] for row in np.argsort(-logits, axis=1)[:, :5]]
    first = sum(row[0] in right for row, right in zip(best, wanted, strict=True))
    five = sum(not right.isdisjoint(row) for row, right in zip(best, wanted, strict=True))
    total = len(wanted)
    print(f"{name} {precision} ({vision.runtime}): top-1 {first}/{total} = {first / total:.3f}, top-5 {five}/{total}")
    if mistakes:
        wrong = [(right, row[0]) for row, right in zip(best, wanted, strict=True) if row[0] not in right]
        print("  " + "; ".join(f"{' or '.join(sorted(right))} seen as {guess}" for right, guess in wrong))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--mistakes", action="store_true", help="name them")
    arguments = parser.parse_args()
    rows = [line.split("\t") for line in Path(__file__).with_suffix(".tsv").read_text().splitlines()]
    encoded = [on_white(next(arguments.stamps.glob(f"{name}.[jp][pn]g"))) for name, _ in rows]
    wanted = [set(labels.split("|")) for _, labels in rows]
    for name in MODELS:
        for precision in ("fp32", "bf16"):
            report(name, precision, encoded, wanted, mistakes=arguments.mistakes)


if __name__ == "__main__":
    main()
