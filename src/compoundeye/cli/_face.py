"""`eye face`: faces found, compared, searched, grouped, and forgotten."""

from __future__ import annotations


def face() -> None:
    """Find, compare, search and group faces, with consent, reasons and an audit log.

    A gallery is a folder of people, sealed under a key. Where --key is not given, the key is in EYE_GALLERY_KEY, or in
    staff.key beside staff.gallery. Every search says who asks (--by, else your login) and what for (--why), and is
    written down before it is answered.

    Example:
      eye face detect group-photo.jpg -o faces.png
      eye face enrol staff.gallery Anna anna/*.jpg --consent --purpose "opening the door"
      eye face identify staff.gallery visitor.jpg --why "who is at the door"
      eye face forget staff.gallery Anna
    """
