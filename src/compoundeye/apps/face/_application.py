"""What ``eye watch --app face`` names."""

from __future__ import annotations

from compoundeye.apps.face._watch_app import FaceApp
from compoundeye.apps.face._watch_look import FaceLook, FacesInView
from compoundeye.apps.face._watch_settings import FaceSettings
from compoundeye.models import card
from compoundeye.records import ModelIdentity
from compoundeye.video import Look, Stream, tracker


class Face:
    """Faces at one camera: see ``Application``."""

    name = "face"
    settings = FaceSettings

    def look(self, settings: FaceSettings, *, device: str = "cpu", threads: int = 1) -> Look[FacesInView]:
        """The detector and the embedder.

        Raises:
            EyeError: one cannot be had.
        """
        return FaceLook(settings.detector, device=device, threads=threads)

    def open(self, stream: Stream, settings: FaceSettings) -> FaceApp:
        """The rules of one stream.

        Raises:
            EyeError: the gallery cannot be opened or has nobody of a name, or there is no such tracker.
        """
        made_by = card(settings.detector.embedder)
        embedder = str(ModelIdentity(made_by.name, made_by.version, made_by.sha256))
        return FaceApp(stream, settings, tracker(settings.tracker.name, settings.tracker.settings), embedder)


APPLICATION = Face()
