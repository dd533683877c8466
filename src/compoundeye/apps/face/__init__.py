"""Faces: found, aligned, made comparable.

Guarantee: an aligned face is what OpenCV's own alignment makes of the same landmarks; no template, name or crop of a
gallery can be read without its key; what was sealed of who is forgotten is in no byte of its files; a search through it
is in the audit log before it is answered. Cost: some 6 ms of a processor for a picture of 640 x 480 and 4 ms a face
(bf16, many pictures together, `benchmarks/face_pipeline.py`); larger ones as their pixels, 0.6 s for 24 megapixels.
Limit: of a face without landmarks nothing can be told; of faces tilted by any angle one in fifteen is aligned wrongly,
of which `Found.confirmed` tells three in five; below 20 pixels faces are not looked for unless asked.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from compoundeye.apps.face._align import align
from compoundeye.apps.face._analyse import Analysis, analyse
from compoundeye.apps.face._attack import NOT_PROTECTED, AttackCheck, AttackSigns, turn_check
from compoundeye.apps.face._audit import AuditCheck, AuditEntry
from compoundeye.apps.face._cells import CellIndex, Recall
from compoundeye.apps.face._crop_sheet import crop_sheet, write_crop_sheet
from compoundeye.apps.face._evaluate import LFW_CARD, Evaluation, evaluate
from compoundeye.apps.face._forget import ForgetReport
from compoundeye.apps.face._gallery import Gallery, Person
from compoundeye.apps.face._gallery_rows import Face, Known
from compoundeye.apps.face._gallery_secret import DamagedError
from compoundeye.apps.face._group import ALONE, group
from compoundeye.apps.face._grouping import group_gallery
from compoundeye.apps.face._identify import Candidate
from compoundeye.apps.face._impostors import Impostors, impostors
from compoundeye.apps.face._operating_point import FPIR, OperatingPoint, naming, operating_point
from compoundeye.apps.face._people import Said
from compoundeye.apps.face._pipeline import FacePipeline, Found
from compoundeye.apps.face._pose import pose
from compoundeye.apps.face._quality import Quality, assess
from compoundeye.apps.face._search import TemplateIndex
from compoundeye.apps.face._second_look import second_look
from compoundeye.apps.face._sightings import Sightings
from compoundeye.apps.face._study import Pairs, SearchPlan, Shot, Study, Template
from compoundeye.apps.face._study_folder import is_gallery, read_gallery
from compoundeye.apps.face._study_look import Looked, look_at
from compoundeye.apps.face._study_read import read_study
from compoundeye.apps.face._threshold import Target, Threshold, threshold

if TYPE_CHECKING:
    from compoundeye.apps.face._application import APPLICATION
    from compoundeye.apps.face._blur import Blurred, blur, hide_faces

__all__ = [
    "ALONE",
    "APPLICATION",
    "FPIR",
    "LFW_CARD",
    "NOT_PROTECTED",
    "Analysis",
    "AttackCheck",
    "AttackSigns",
    "AuditCheck",
    "AuditEntry",
    "Blurred",
    "Candidate",
    "CellIndex",
    "DamagedError",
    "Evaluation",
    "Face",
    "FacePipeline",
    "ForgetReport",
    "Found",
    "Gallery",
    "Impostors",
    "Known",
    "Looked",
    "OperatingPoint",
    "Pairs",
    "Person",
    "Quality",
    "Recall",
    "Said",
    "SearchPlan",
    "Shot",
    "Sightings",
    "Study",
    "Target",
    "Template",
    "TemplateIndex",
    "Threshold",
    "align",
    "analyse",
    "assess",
    "blur",
    "crop_sheet",
    "evaluate",
    "group",
    "group_gallery",
    "hide_faces",
    "impostors",
    "is_gallery",
    "look_at",
    "naming",
    "operating_point",
    "pose",
    "read_gallery",
    "read_study",
    "second_look",
    "threshold",
    "turn_check",
    "write_crop_sheet",
]


# What needs the packages of moving pictures is imported when it is asked for: stills do without them.
_MOVING = {"APPLICATION": "_application", "Blurred": "_blur", "blur": "_blur", "hide_faces": "_blur"}


def __getattr__(name: str) -> Any:
    """A name of those above."""
    if name in _MOVING:
        return getattr(import_module(f"{__name__}.{_MOVING[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
