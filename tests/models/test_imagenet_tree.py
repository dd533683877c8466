"""The tool that makes the label file chooses parents and names as its description says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "imagenet_tree.py"

# The form of WordNet's data.noun: offset, file, type, words, pointers. A dog is a canine (3 deep) and a pet (2 deep).
NOUNS = """\
  1 This is the licence, which lines that begin with two spaces hold.
00000001 03 n 01 entity 0 000 | what is
00000002 03 n 02 animal 0 beast 1 001 @ 00000001 n 0000 | a living being
00000003 05 n 01 canine 0 001 @ 00000002 n 0000 | of the family
00000004 05 n 01 pet 0 001 @ 00000001 n 0000 | kept at home
00000005 05 n 02 dog 0 domestic_dog 0 003 @ 00000004 n 0000 @ 00000003 n 0000 ~ 00000007 n 0000 | barks
00000006 05 n 01 wolf 0 001 @ 00000003 n 0000 | howls
00000007 05 n 01 Rex 0 001 @i 00000005 n 0000 | a dog
00000008 05 n 01 crane 0 001 @ 00000002 n 0000 | a bird
00000009 06 n 01 crane 0 001 @ 00000001 n 0000 | lifts things
00000010 06 n 01 unused 0 001 @ 00000001 n 0000 | above no label
"""


def test_a_small_wordnet_becomes_a_tree(tmp_path: Path) -> None:
    (tmp_path / "data.noun").write_text(NOUNS)
    (tmp_path / "synsets.txt").write_text("n00000006 n00000007 n00000008 n00000009")
    command = [sys.executable, str(TOOL), str(tmp_path), str(tmp_path / "synsets.txt")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [line.split("\t") for line in printed.splitlines()] == [
        ["n00000001", "entity", "-1", "-1"],
        ["n00000002", "animal", "0", "-1"],
        ["n00000003", "canine", "1", "-1"],
        ["n00000006", "wolf", "2", "0"],
        ["n00000005", "dog", "2", "-1"],
        ["n00000007", "Rex", "4", "1"],
        ["n00000008", "crane (animal)", "1", "2"],
        ["n00000009", "crane (entity)", "0", "3"],
    ]
