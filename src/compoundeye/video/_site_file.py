"""A site file that may change while it is in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compoundeye.records import EyeError
from compoundeye.video._app import Application
from compoundeye.video._site import Site, SiteOf, StreamSettings, read_site


class SiteFile:
    """A site file, and what has changed in it."""

    def __init__(
        self, path: Path, application: Application[Any, Any], adapt: Callable[[Site], Site] = lambda site: site
    ) -> None:
        """Read it for the first time: ``site``.

        Args:
            adapt: what the command line changes in it, each time that it is read.

        Raises:
            EyeError: it cannot be read, or a setting is wrong.
        """
        self.path, self._application, self._adapt = path, application, adapt
        self._stamp = self._now()
        self.site = SiteOf(adapt(read_site(path)), application)

    def changed(self) -> SiteOf[Any] | str | None:
        """The site as it is now; why the file is not in use; or None if it is as it was."""
        stamp = self._now()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            found = SiteOf(self._adapt(read_site(self.path)), self._application)
        except EyeError as mistake:
            return str(mistake)
        if why := self._needs_restart(found.site):
            return why
        self.site = found
        return found

    def _needs_restart(self, site: Site) -> str | None:
        """Streams and the model are opened once."""
        before = self.site.site
        old, new = ({name: _opened_with(one) for name, one in of.streams.items()} for of in (before, site))
        changed = [f"streams.{name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
        changed += [
            name for name in ("app", "events", "privacy", "keep") if getattr(before, name) != getattr(site, name)
        ]
        if before.tables.get("detector") != site.tables.get("detector"):
            changed.append("detector")
        if not changed:
            return None
        return f"{self.path}: a change of {', '.join(changed)} needs a new start; the settings before it go on"

    def _now(self) -> tuple[int, int, int]:
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0, 0
        return status.st_mtime_ns, status.st_size, status.st_ino


def _opened_with(stream: StreamSettings) -> dict[str, Any]:
    return stream.model_dump(include=set(StreamSettings.model_fields))
