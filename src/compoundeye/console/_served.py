"""What a console serves: plain values, so that a command can state them without a server installed."""

from __future__ import annotations

from dataclasses import dataclass, field

from compoundeye.console._access import Access


@dataclass(frozen=True, slots=True)
class Served:
    """What a console serves, as `eye console` was told."""

    corpora: tuple[str, ...] = ()
    """Paths or addresses."""
    runs: str = "runs"
    """Folder of run folders."""
    roots: tuple[str, ...] = ()
    """Folders below which people may start jobs on pictures; none: no ingest from the page."""
    access: Access = field(default_factory=Access)
    faces: str | None = None
    """Folder of a gallery of faces; None: nothing of faces is shown or done here."""
    faces_key: str | None = None
    """Its key file; None: the key is in the environment."""
