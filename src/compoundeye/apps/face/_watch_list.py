"""Whom a camera looks for: a gallery, the threshold that is meant, and why it is searched."""

from __future__ import annotations

from compoundeye.apps.face._gallery import Gallery
from compoundeye.apps.face._identify import Candidate
from compoundeye.apps.face._operating_point import operating_point
from compoundeye.apps.face._sightings import Float32
from compoundeye.apps.face._watch_settings import FaceSettings
from compoundeye.records import EyeError

MOST = 20
"""Candidates that are asked for, where only some names are looked for."""


class WatchList:
    """The people of a gallery who are looked for. Every search is in the gallery's audit log."""

    def __init__(self, settings: FaceSettings, stream: str, embedder: str) -> None:
        """Open the gallery.

        Raises:
            EyeError: it cannot be opened, another model made its templates, or it has nobody of a name.
        """
        assert settings.gallery is not None
        self._settings, self._stream = settings, stream
        self._gallery = Gallery.open(settings.gallery, settings.key_file)
        made_by = self._gallery.embedder()
        if made_by is not None and made_by != embedder:
            raise EyeError(
                f"{settings.gallery}: its templates were made by {made_by}, which cannot be compared with {embedder}"
            )
        for name in settings.people:
            self._gallery.person(name)
        self.threshold, self.warning = self._chosen()
        self.searches = 0

    @property
    def revision(self) -> int:
        """Grows when the gallery changes."""
        return self._gallery.revision()

    def who(self, template: Float32) -> Candidate | None:
        """Who of those looked for has this face; None: a stranger, or nobody who is looked for.

        Raises:
            EyeError: the gallery is gone.
        """
        wanted = self._settings.people
        self.searches += 1
        (found,) = self._gallery.identify(
            template[None],
            threshold=self.threshold,
            k=MOST if wanted else 1,
            named=True,
            by=f"{self._settings.by} {self._stream}",
            why=self._settings.why,
        )
        return next((one for one in found if not wanted or one.name in wanted), None)

    def _chosen(self) -> tuple[float, str | None]:
        """The threshold, and what is to be said about it."""
        if self._settings.threshold is not None:
            return self._settings.threshold, None
        if not self._gallery.people(named=True):
            raise EyeError(
                f"{self._settings.gallery}: nobody has a name here, so nobody can be looked for: enrol people"
            )
        point = operating_point(self._gallery, fpir=self._settings.fpir)
        return point.value, point.warning
