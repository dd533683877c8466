"""What a corpus contains: each picture labelled, abstained or failed, as columns of the corpus.

Guarantee: three ways (a trained classifier, examples, words) behind one result; seen = done + abstained + failed by
id; killed at any instant, the same call goes on, and the corpus ends as an unbroken run would have left it. A
precision is promised only where labelled pictures show it, with 90 % confidence, and the report says so otherwise.
Cost: one decode and one run of the model a picture, about a twentieth more around them; none of that again for a
picture whose embedding the corpus has. Limit: a promise holds for pictures like those it was shown on; without
labelled pictures, a trained classifier's confidences are its own and are called uncalibrated.
"""

from compoundeye.categorise._calibrate import Calibration, Quality
from compoundeye.categorise._categorise import categorise
from compoundeye.categorise._neighbours import Neighbours, nearness
from compoundeye.categorise._promise import Promise
from compoundeye.categorise._report import CategoriseReport
from compoundeye.categorise._rules import centred, unit

__all__ = [
    "Calibration",
    "CategoriseReport",
    "Neighbours",
    "Promise",
    "Quality",
    "categorise",
    "centred",
    "nearness",
    "unit",
]
