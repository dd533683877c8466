"""What ``eye watch --app traffic`` names."""

from __future__ import annotations

from compoundeye.apps.traffic._app import TrafficApp
from compoundeye.apps.traffic._settings import TrafficSettings
from compoundeye.records import Detections
from compoundeye.video import Look, Stream, detector_look, tracker


class Traffic:
    """People and vehicles at one camera: see ``Application``."""

    name = "traffic"
    settings = TrafficSettings

    def look(self, settings: TrafficSettings, *, device: str = "cpu", threads: int = 1) -> Look[Detections]:
        """The detector.

        Raises:
            EyeError: it cannot be had.
        """
        return detector_look(settings.detector, device=device, threads=threads)

    def open(self, stream: Stream, settings: TrafficSettings) -> TrafficApp:
        """The rules of one stream.

        Raises:
            EyeError: a point is not in the frame, or there is no such tracker.
        """
        return TrafficApp(stream, settings, tracker(settings.tracker.name, settings.tracker.settings))


APPLICATION = Traffic()
