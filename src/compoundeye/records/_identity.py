"""One identity from the camera to the answer and back."""

import hashlib
from dataclasses import dataclass

PICTURE_ID_BYTES = 16


def picture_id(data: bytes) -> bytes:
    """Identity of a picture: the first 128 bits of the SHA-256 (FIPS 180-4) of its encoded bytes.

    ``sha256sum FILE | cut -c-32`` prints the same id, so anyone can check it without us. Two different
    pictures share an id with probability about n² / 2¹²⁹: 10⁻²⁰ at 3 x 10⁹ pictures.
    """
    return hashlib.sha256(data).digest()[:PICTURE_ID_BYTES]


def source_key(source: bytes, size: int, mtime_ns: int) -> bytes:
    """Identity of an *input* (16 bytes): a place and what stood there, so that a changed file is a new input."""
    label = b"%d\0%d\0" % (size, mtime_ns)
    return hashlib.blake2b(label + source, digest_size=PICTURE_ID_BYTES).digest()


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What made a prediction: every prediction carries this."""

    name: str
    version: str
    digest: str
    """SHA-256 of the weights file, hexadecimal."""

    def __str__(self) -> str:
        return f"{self.name}/{self.version} sha256:{self.digest[:16]}"
