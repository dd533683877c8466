"""Faces of a video made unrecognisable in two rounds: who is where in all of it, and then the writing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import align
from compoundeye.apps.face._quality import assess
from compoundeye.apps.face._second_look import second_look
from compoundeye.apps.face._track_template import TrackTemplate
from compoundeye.apps.face._watch_app import head, tracked_faces
from compoundeye.models import FaceDetector, FaceEmbedder
from compoundeye.records import Detections, Event, Faces
from compoundeye.video import Box, Canvas, How, Outcome, Seen, Stream, VideoFiles, open_source, tracker

Float32 = npt.NDArray[np.float32]
Progress = Callable[[int, int | None], None]

LONGEST = 1280
"""Pixels of a frame's longer side in which faces are looked for."""
AROUND_S = 0.35
"""A track is hidden so long before its first and after its last face: a head turns away in about that time."""
TRACKER = {"new_score": 0.3, "confirm": 1, "lost_s": 1.5}
"""More readily than for counting: a face that is no face does no harm here."""


def blur_video(
    source: Path,
    target: Path,
    detector: FaceDetector,
    embedder: FaceEmbedder,
    how: How,
    who: Callable[[Float32], Sequence[str | None]] | None,
    min_score: float,
    progress: Progress | None,
) -> tuple[int, int, int, tuple[str, ...]]:
    """Frames, faces, how many of those were hidden, and the names that were left.

    Raises:
        EyeError: it cannot be read or written.
    """
    plan = _Plan(detector, embedder, min_score, named=who is not None)
    with open_source(source, stream="video", live=False) as frames:
        for frame in frames.frames():
            plan.look(frame)
            if progress:
                progress(len(plan.times), None)
    kept = plan.names(who) if who else {}
    hidden = plan.hidden(set(kept))
    out = VideoFiles(target, privacy=how)
    try:
        with open_source(source, stream="video", live=False) as frames:
            stream = Stream("video", frames.width, frames.height, frames.rate, "")
            for at, frame in enumerate(frames.frames()):
                out.see(Seen(stream, frame, Outcome(people=hidden[at]), _Nothing()))
                if progress:
                    progress(at + 1, len(plan.times))
    finally:
        out.close()
    faces = len(plan.tracks) + plan.alone
    return len(plan.times), faces, faces - len(kept), tuple(sorted(set(kept.values())))


class _Plan:
    """Where faces are in a whole video."""

    def __init__(self, detector: FaceDetector, embedder: FaceEmbedder, min_score: float, *, named: bool) -> None:
        self._detector, self._embedder, self._min_score, self._named = detector, embedder, min_score, named
        self._tracker = tracker("bytetrack", TRACKER)
        self.times: list[float] = []
        self.tracks: dict[int, dict[int, list[float]]] = defaultdict(dict)
        """Box by number of the frame, of each track."""
        self._loose: dict[int, list[list[float]]] = defaultdict(list)
        self._templates: dict[int, TrackTemplate] = {}
        self.alone = 0
        """Faces that no track has."""

    def look(self, frame: Any) -> None:
        """Take one frame."""
        at = len(self.times)
        self.times.append(frame.time_s)
        width, height = frame.image.width, frame.image.height
        scale = min(1.0, LONGEST / max(width, height))
        pixels = frame.image.rgb(max(round(width * scale), 1), max(round(height * scale), 1))
        faces = self._detector.find(pixels, min_score=self._min_score)
        stretch = np.array([width / pixels.shape[1], height / pixels.shape[0]] * 2, np.float32)
        boxes = (faces.boxes * stretch).astype(np.float32)
        found = Faces(boxes, faces.scores, faces.landmarks)
        tracks = self._tracker.update(
            Detections(boxes, faces.scores, np.zeros(len(faces), np.int32), ("face",)), frame.time_s, frame
        )
        of_face = tracked_faces(tracks, found)
        for track, place in zip(tracks.ids.tolist(), of_face.tolist(), strict=True):
            if place >= 0:
                self.tracks[track][at] = boxes[place].tolist()
                if self._named:
                    self._offer(track, frame.time_s, pixels, faces[place : place + 1])
        loose = set(range(len(faces))) - set(of_face.tolist())
        self._loose[at] = [boxes[place].tolist() for place in loose]
        self.alone += len(loose)

    def names(self, who: Callable[[Float32], Sequence[str | None]]) -> dict[int, str]:
        """The name of each track that has one."""
        known = [track for track, template in self._templates.items() if template.kept]
        if not known:
            return {}
        names = who(np.stack([self._templates[track].template() for track in known]))
        return {track: name for track, name in zip(known, names, strict=True) if name is not None}

    def hidden(self, kept: set[int]) -> dict[int, list[Box]]:
        """The heads to hide, by number of the frame."""
        boxes = defaultdict[int, list[Box]](list)
        for at, loose in self._loose.items():
            boxes[at] += [head(box) for box in loose]
        times = np.array(self.times)
        for track, seen in self.tracks.items():
            if track not in kept:
                for at, box in _filled(seen, times).items():
                    boxes[at].append(head(box))
        return boxes

    def _offer(self, track: int, time_s: float, pixels: Any, face: Faces) -> None:
        crops = align(pixels, face.landmarks)
        quality = assess(crops, face, size=(pixels.shape[1], pixels.shape[0]))
        template = self._templates.setdefault(track, TrackTemplate(frames=5, min_quality=30))
        if template.offer(time_s, float(quality.overall[0]), partial(self._embed, pixels, face)) == "other":
            # Two people in one track: none of it is anybody's who may be shown.
            template.kept, template.min_quality = [], np.inf

    def _embed(self, pixels: Any, face: Faces) -> Float32:
        (embedding,) = self._embedder(align(pixels, second_look(self._detector, pixels, face).landmarks))
        return np.asarray(embedding, np.float32)


def _filled(seen: dict[int, list[float]], times: npt.NDArray[np.float64]) -> dict[int, list[float]]:
    """A track's boxes with those of the frames between, and some before and after."""
    numbers = sorted(seen)
    first, last = times[numbers[0]] - AROUND_S, times[numbers[-1]] + AROUND_S
    every = np.flatnonzero((times >= first) & (times <= last))
    known = times[numbers]
    sides = [np.interp(times[every], known, [seen[at][side] for at in numbers]) for side in range(4)]
    return dict(zip(every.tolist(), np.stack(sides, axis=1).tolist(), strict=True))


class _Nothing:
    """An app that neither says nor draws anything: what is hidden is all that is shown."""

    def step(self, frame: Any, found: Any) -> Outcome:
        """Nothing."""
        del frame, found
        return Outcome()

    def draw(self, canvas: Canvas) -> None:
        """Nothing."""
        del canvas

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def configure(self, settings: Any) -> None:
        """Nothing."""
        del settings

    def finish(self) -> Sequence[Event]:
        """Nothing."""
        return ()
