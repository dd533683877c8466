"""Why a picture could not be used."""

from compoundeye.records import EyeError


class PictureError(EyeError):
    """The encoded bytes are not a picture that can be shown whole.

    ``str(error)`` is the reason written into accounts. Reasons are short and stable, so that they can be counted:
    "empty file", "not a picture", "truncated JPEG", "corrupt PNG", "too many pixels: 60000 x 60000" and their like.
    """
