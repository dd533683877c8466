"""One stream's faces: followed first, then one template a track, then held against who is looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import align
from compoundeye.apps.face._identify import Candidate
from compoundeye.apps.face._quality import Quality, assess
from compoundeye.apps.face._seen_events import SeenEvents
from compoundeye.apps.face._track_template import TrackTemplate
from compoundeye.apps.face._watch_list import WatchList
from compoundeye.apps.face._watch_look import FacesInView
from compoundeye.apps.face._watch_settings import FaceSettings
from compoundeye.records import Detections, Event, Faces, Frame, Tracks
from compoundeye.video import Box, Canvas, Colour, Outcome, Stream, Tracker

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

# Told apart by colour-blind people too: Okabe and Ito 2008, Color Universal Design.
KNOWN: Colour = (0, 158, 115)
STRANGER: Colour = (230, 159, 0)
UNDECIDED: Colour = (204, 204, 204)
NATIVE_EYES_PX = 40.0
"""An aligned face has 35 pixels between its eyes: below this in the small picture the whole frame is taken."""
SAME = 0.3
"""Least overlap (intersection over union) of a track's box and a face's to be the same."""
HEAD = 0.25
"""A face's box ends at brow and chin: so much of its sides is added where heads are hidden."""
LOOK_S = 1.0
"""Whether the gallery has changed is looked at so often."""


@dataclass(slots=True)
class _Followed:
    """What is known of one track."""

    id: int
    template: TrackTemplate
    box: Box
    began: float
    """Capture time, Unix s."""
    seen_s: float
    seen: float
    """When last seen: presentation time, capture time."""
    person: Candidate | None = None
    event: Event | None = None
    searched_s: float = -np.inf
    searched_quality: float = -1.0
    row: Mapping[str, float] | None = None
    """Quality of the face in the last frame that showed it."""


class FaceApp:
    """One stream's rules: see ``App``."""

    def __init__(self, stream: Stream, settings: FaceSettings, tracker: Tracker, embedder: str) -> None:
        """Raises ``EyeError`` for a gallery that cannot be opened."""
        self._stream, self._tracker, self._embedder = stream, tracker, embedder
        self._began_with = settings.tracker
        self._settings = settings
        self._list = self._open(settings)
        self._revision = -1 if self._list is None else self._list.revision
        self._events = SeenEvents(stream, "face")
        self._followed = dict[int, _Followed]()
        self._total = self._embedded = 0
        self._last: Frame | None = None
        self._looked_s = -np.inf

    @property
    def settings(self) -> FaceSettings:
        """Under which it goes on now."""
        return self._settings

    def configure(self, settings: FaceSettings) -> None:
        """Go on under other settings; another gallery or other people are searched from now on.

        Raises:
            EyeError: the gallery cannot be opened; the old settings stay.
        """
        self._list = self._open(settings)
        self._revision = -1 if self._list is None else self._list.revision
        self._settings = settings
        for one in self._followed.values():
            one.template.frames, one.template.min_quality = settings.frames, settings.min_quality
            one.searched_s, one.searched_quality = -np.inf, -1.0

    def step(self, frame: Frame, found: FacesInView) -> Outcome:
        """Take a frame and the faces that were found in it."""
        self._last = frame
        faces = found.faces
        kinds = np.zeros(len(faces), np.int32)
        tracks = self._tracker.update(Detections(faces.boxes, faces.scores, kinds, ("face",)), frame.time_s, frame)
        of_face = tracked_faces(tracks, faces)
        rows = np.flatnonzero(of_face >= 0)
        if len(rows):
            self._take(frame, found, tracks, rows, of_face[rows])
        for track, box in zip(tracks.ids.tolist(), tracks.boxes.tolist(), strict=True):
            if track in self._followed:
                self._followed[track].box = _plain(box)
        self._gallery_changed(frame)
        for one in list(self._followed.values()):
            self._decide(one, frame)
            if frame.time_s - one.seen_s > self._settings.forget_s:
                self._end(one, frame)
        return Outcome(self._records(tracks), self._events.take(), self._hidden(tracks, faces, of_face))

    def draw(self, canvas: Canvas) -> None:
        """Show how things are after the last step."""
        for one in self._followed.values():
            if self._last is not None and one.seen_s == self._last.time_s:
                colour = KNOWN if one.person else STRANGER if one.event else UNDECIDED
                canvas.box(one.box, colour, _label(one))

    def state(self) -> Mapping[str, Any]:
        """How things are after the last step: counts, who is there, the threshold, warnings."""
        new, old = self._settings.tracker, self._began_with
        warnings = [] if self._list is None or self._list.warning is None else [self._list.warning]
        if (new.name, new.settings) != (old.name, old.settings):
            warnings.append("the tracker's settings have changed; they hold from the next start on")
        return {
            "faces": len(self._followed),
            "tracks": self._total,
            "embedded": self._embedded,
            "searches": 0 if self._list is None else self._list.searches,
            "threshold": None if self._list is None else self._list.threshold,
            "people": sorted({one.person.name or "" for one in self._followed.values() if one.person}),
            "warnings": warnings,
        }

    def finish(self) -> Sequence[Event]:
        """The stream ends: the events that end whatever lasts."""
        for one in list(self._followed.values()):
            if self._last is not None:
                self._end(one, self._last)
        return self._events.take()

    def _open(self, settings: FaceSettings) -> WatchList | None:
        return None if settings.gallery is None else WatchList(settings, self._stream.name, self._embedder)

    def _take(self, frame: Frame, found: FacesInView, tracks: Tracks, rows: Int64, places: Int64) -> None:
        """Faces of this frame to their tracks."""
        faces = found.faces[places]
        pixels, there, quality = _assessed(frame, found, faces)
        for at, row in enumerate(rows.tolist()):
            one = self._track(int(tracks.ids[row]), _plain(tracks.boxes[row].tolist()), frame)
            one.seen_s, one.seen, one.row = frame.time_s, frame.captured, quality.row(at)
            before = one.template.embedded
            changed = one.template.offer(
                frame.time_s, float(quality.overall[at]), partial(found.embedded, pixels, there[at : at + 1])
            )
            self._embedded += one.template.embedded - before
            if changed == "other":
                self._over(one, frame)
                one.began, one.person = frame.captured, None
                one.searched_s, one.searched_quality = -np.inf, -1.0
                self._total += 1

    def _track(self, track: int, box: Box, frame: Frame) -> _Followed:
        if track not in self._followed:
            template = TrackTemplate(self._settings.frames, self._settings.min_quality)
            self._followed[track] = _Followed(track, template, box, frame.captured, frame.time_s, frame.captured)
            self._total += 1
        return self._followed[track]

    def _gallery_changed(self, frame: Frame) -> None:
        """Whoever is there is looked for again when the gallery has changed: somebody may be forgotten."""
        if self._list is None or frame.time_s - self._looked_s < LOOK_S:
            return
        self._looked_s = frame.time_s
        if self._list.revision != self._revision:
            self._revision = self._list.revision
            for one in self._followed.values():
                one.searched_s, one.searched_quality = -np.inf, -1.0

    def _decide(self, one: _Followed, frame: Frame, *, now: bool = False) -> None:
        """Say who it is when enough was seen of it, and again when more was."""
        own, template = self._settings, one.template
        if not template.kept or template.quality <= one.searched_quality:
            return
        waited = frame.time_s - (template.began_s or 0.0)
        enough = len(template.kept) >= own.decide_frames or waited >= own.decide_s
        if not now and (not enough or frame.time_s - one.searched_s < own.again_s):
            return
        one.searched_s, one.searched_quality = frame.time_s, template.quality
        person = None if self._list is None else self._list.who(template.template())
        if one.event is None or _id(person) != _id(one.person):
            one.person = person
            self._say(one, frame)
        one.person = person

    def _say(self, one: _Followed, frame: Frame) -> None:
        if one.event is None:
            one.event = self._events.begin(frame, one.began, self._facts(one), one.box)
        else:
            one.event = self._events.change(one.event, frame, self._facts(one), one.box)

    def _facts(self, one: _Followed) -> dict[str, Any]:
        return {
            "person": one.person.name if one.person else None,
            "track": one.id,
            "score": round(one.person.score, 4) if one.person else None,
            "threshold": None if self._list is None else round(self._list.threshold, 4),
            "quality": round(one.template.quality, 1),
            "frames": len(one.template.kept),
        }

    def _end(self, one: _Followed, frame: Frame) -> None:
        """It is gone: decided on what there is, and over."""
        self._decide(one, frame, now=True)
        self._over(one, frame)
        del self._followed[one.id]

    def _over(self, one: _Followed, frame: Frame) -> None:
        if one.event is None:  # no frame was good enough: somebody was there, and that is all
            one.event = self._events.begin(frame, one.began, self._facts(one), one.box)
        self._events.change(one.event, frame, self._facts(one), one.box, end=one.seen)
        one.event = None

    def _records(self, tracks: Tracks) -> list[dict[str, Any]]:
        records = list[dict[str, Any]]()
        for track, seen in zip(tracks.ids.tolist(), tracks.seen.tolist(), strict=True):
            one = self._followed.get(track)
            if one is None:
                continue
            facts = self._facts(one) | {"box": list(one.box), "seen": seen}
            if seen and one.row is not None:
                facts |= {key: one.row[key] for key in ("overall", "yaw", "pitch", "roll", "inter_eye_px")}
            records.append(facts)
        return records

    def _hidden(self, tracks: Tracks, faces: Faces, of_face: Int64) -> list[Box]:
        """Whose heads are to be made unrecognisable: all but the told.

        That is every face of this frame, every box that the tracker predicts, and for a while the last place of
        whoever is not seen any more: who turns away still has a head.
        """
        told = {one.id for one in self._followed.values() if one.person} if self._settings.hide == "others" else set()
        ids = tracks.ids.tolist()
        shown = {int(place) for track, place in zip(ids, of_face.tolist(), strict=True) if track in told}
        boxes = [box for at, box in enumerate(faces.boxes.tolist()) if at not in shown]
        seen = {track for track, place in zip(ids, of_face.tolist(), strict=True) if place >= 0}
        boxes += [box for track, box in zip(ids, tracks.boxes.tolist(), strict=True) if track not in seen | told]
        boxes += [list(one.box) for one in self._followed.values() if one.id not in {*ids, *told}]
        return [head(box) for box in boxes]


def head(box: Sequence[float]) -> Box:
    """Where the head is whose face has this box."""
    left, top, right, bottom = box
    x, y = HEAD * (right - left), HEAD * (bottom - top)
    return left - x, top - y, right + x, bottom + y


def tracked_faces(tracks: Tracks, faces: Faces) -> Int64:
    """[tracks] which face each track was seen as in this frame: each other's best overlap; -1: none."""
    of_face = np.full(len(tracks), -1, np.int64)
    if not len(tracks) or not len(faces):
        return of_face
    one, other = tracks.boxes[:, None], faces.boxes[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=2)
    areas = [np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=2) for boxes in (one, other)]
    overlap = shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)
    overlap[~tracks.seen] = 0
    best = overlap.argmax(axis=1)
    rows = np.arange(len(tracks))
    good = (overlap[rows, best] >= SAME) & (overlap.argmax(axis=0)[best] == rows)
    of_face[good] = best[good]
    return of_face


def _assessed(frame: Frame, found: FacesInView, faces: Faces) -> tuple[UInt8, Faces, Quality]:
    """Pixels, the faces in them, and their quality: what was looked at where that suffices, else the whole frame."""
    width, height = frame.image.width, frame.image.height
    scale = np.array([found.pixels.shape[1] / width, found.pixels.shape[0] / height], np.float32)
    points = ((faces.landmarks + 0.5) * scale - 0.5).astype(np.float32)
    pixels, there = found.pixels, Faces(faces.boxes * np.tile(scale, 2), faces.scores, points)
    eyes = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
    if scale[0] < 1 and eyes.min() < NATIVE_EYES_PX:
        pixels, there = frame.image.rgb(), faces
    return pixels, there, assess(align(pixels, there.landmarks), faces, size=(width, height))


def _label(one: _Followed) -> str:
    if one.person:
        return f"{one.person.name} {one.person.score:.2f}"
    return f"face {one.id}" if one.event else f"face {one.id} ..."


def _id(person: Candidate | None) -> int | None:
    return None if person is None else person.person


def _plain(box: Sequence[float]) -> Box:
    left, top, right, bottom = (round(float(side), 1) for side in box)
    return left, top, right, bottom
