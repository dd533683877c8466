"""Sample pictures that scikit-image and scikit-learn carry, with what every real folder has too: copies and a wreck."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

PACKAGES = {"skimage": "data", "sklearn": "datasets/images"}
PICTURES = {".jpg", ".png", ".gif", ".tif"}


def carried() -> list[Path]:
    """Picture files inside the installed packages, without importing them."""
    found = []
    for package, folder in PACKAGES.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            sys.exit(f"error: {package} is not installed; pip install 'compoundeye[demo]'")
        found += [path for path in (Path(spec.origin).parent / folder).iterdir() if path.suffix in PICTURES]
    return sorted(found)


def main(target: Path) -> None:
    """Fill ``target``; files that are there stay as they are, so that a second run has nothing new to ingest."""
    target.mkdir(parents=True, exist_ok=True)
    for path in carried():
        if not (target / path.name).exists():
            shutil.copy2(path, target)
    if (target / "made").exists():
        return
    made = target / "made.part"
    made.mkdir(exist_ok=True)
    with Image.open(target / "chelsea.png") as cat, Image.open(target / "china.jpg") as temple:
        cat.save(made / "cat sent by a messenger.jpg", quality=60)
        cat.resize((cat.width // 2, cat.height // 2)).save(made / "cat for the web.webp", quality=70)
        temple.save(made / "temple saved again.jpg", quality=50)
    shutil.copy2(target / "rocket.jpg", made / "rocket, the same file.jpg")
    whole = (target / "flower.jpg").read_bytes()
    (made / "download that broke off.jpg").write_bytes(whole[: len(whole) // 2])
    made.rename(target / "made")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
