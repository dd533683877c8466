"""The vocabulary that every room shares: identities, accounts, errors, frames, tracks, events.

Guarantee: pure values, no effects, no imports from other rooms. Cost: one SHA-256 per picture.
Limit: identity is of the encoded bytes, so the same scene saved twice is two pictures.
"""

from compoundeye.records._account import Account, AccountError
from compoundeye.records._error import EyeError
from compoundeye.records._faces import Faces
from compoundeye.records._identity import PICTURE_ID_BYTES, ModelIdentity, picture_id, source_key
from compoundeye.records._motion import Detections, Event, Frame, Image, Tracks
from compoundeye.records._progress import Progress

__all__ = [
    "PICTURE_ID_BYTES",
    "Account",
    "AccountError",
    "Detections",
    "Event",
    "EyeError",
    "Faces",
    "Frame",
    "Image",
    "ModelIdentity",
    "Progress",
    "Tracks",
    "picture_id",
    "source_key",
]
