"""Another key for the same gallery, and templates that only a key makes comparable."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache

import numpy as np

from compoundeye.apps.face._gallery_secret import Secret, sealer
from compoundeye.apps.face._sightings import Float32


def rewrap(connection: sqlite3.Connection, old: Secret, new: Secret) -> None:
    """Wrap the key of each record, and what waits to be erased, under another master key."""
    _, unwrap = sealer(old.wrapping)
    wrap, _ = sealer(new.wrapping)
    for kind in ("person", "face"):
        rows = connection.execute(f"SELECT id, wrapped FROM of_{kind}").fetchall()
        anew = [
            (wrap(unwrap(wrapped, old.about(f"key of {kind}", number)), new.about(f"key of {kind}", number)), number)
            for number, wrapped in rows
        ]
        connection.executemany(f"UPDATE of_{kind} SET wrapped = ? WHERE id = ?", anew)
    for number, sealed in connection.execute("SELECT id, sealed FROM erasing").fetchall():
        about = new.about("erasing", number)
        connection.execute("UPDATE erasing SET sealed = ? WHERE id = ?", (wrap(unwrap(sealed, about), about), number))
    connection.execute("UPDATE keyring SET made_check = ?, root = ?", (new.checked, new.wrapped_root))


def turned(key: bytes, templates: Float32) -> Float32:
    """Templates [N, D] multiplied by a rotation or reflection [D, D] that a key draws."""
    return np.asarray(templates @ _turning(key, templates.shape[1]), np.float32)


@lru_cache(maxsize=4)
def _turning(key: bytes, dim: int) -> Float32:
    """An orthogonal matrix, drawn evenly from all of them.

    QR of a Gaussian matrix, its signs fixed: F. Mezzadri, "How to generate random matrices from the classical compact
    groups", Notices of the AMS 54 (2007), section 5. Its numbers come from SHAKE-256 (FIPS 202) by the Box-Muller
    transform, so that the same key gives the same matrix whatever the version of NumPy.
    """
    words = np.frombuffer(hashlib.shake_256(key).digest(16 * dim * dim), "<u8").reshape(2, dim, dim)
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    gaussian = np.sqrt(-2 * np.log(uniform[0])) * np.cos(2 * np.pi * uniform[1])
    q, r = np.linalg.qr(gaussian)
    return np.asarray(q * np.sign(np.diag(r)), np.float32)
