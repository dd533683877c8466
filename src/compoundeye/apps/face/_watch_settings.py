"""What a user says about faces at one camera."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from compoundeye.video import Section


class FaceDetectorSettings(Section):
    """What looks for faces; shared by all streams: the table [detector]."""

    name: str = Field(default="yunet", description="a model of `eye models` that finds faces with landmarks")
    embedder: str = Field(default="sface", description="a model of `eye models` that tells faces apart")
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="of their arithmetic")
    min_score: float = Field(default=0.5, ge=0, le=1, description="faces that are less sure are forgotten at once")
    longest: int = Field(
        default=960, ge=64, le=2048, description="pixels of a frame's longer side that is looked at; more finds smaller"
    )


class FaceTracker(Section):
    """How faces become tracks: the table [tracker]."""

    name: str = Field(default="bytetrack", description="the tracker; `eye track --help` lists them")
    settings: dict[str, float | int | bool | str] = Field(default={}, description="of that tracker, such as lost_s")


class FaceSettings(Section):
    """Faces at one camera, held against a gallery if there is one."""

    detector: FaceDetectorSettings = Field(default=FaceDetectorSettings(), description="what looks at the frames")
    tracker: FaceTracker = Field(default=FaceTracker(), description="how faces become tracks")
    gallery: str | None = Field(default=None, description="folder of a gallery; nobody is looked for if left out")
    key_file: str | None = Field(default=None, description="its key; that of EYE_GALLERY_KEY if left out")
    people: tuple[str, ...] = Field(default=(), description="names to look for; everybody with a name if empty")
    threshold: float | None = Field(
        default=None, ge=-1, le=1, description="cosine from which somebody is told; as fpir demands if left out"
    )
    fpir: float = Field(
        default=0.003, gt=0, lt=1, description="share of strangers who may be taken for somebody of the gallery"
    )
    by: str = Field(default="eye watch", min_length=1, description="who searches, for the audit log")
    why: str = Field(default="", description="what for; needed with a gallery")
    frames: int = Field(default=5, ge=1, le=50, description="best frames of a track that its template is made of")
    min_quality: float = Field(default=30, ge=0, le=100, description="frames below are not embedded")
    decide_frames: int = Field(default=3, ge=1, le=50, description="frames that must be embedded before it is decided")
    decide_s: float = Field(default=2, ge=0, le=60, description="s after which fewer frames suffice")
    again_s: float = Field(default=2, ge=0.2, le=3600, description="s between two searches for one track")
    forget_s: float = Field(default=2, ge=0, le=60, description="s unseen after which a track is over")
    hide: Literal["everybody", "others"] = Field(
        default="others", description="whose faces [privacy] hides: everybody's, or only of those who are not told"
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.gallery is None and self.people:
            raise ValueError("people are looked for, but no gallery is named: add gallery = FOLDER")
        if self.gallery is not None and not self.why.strip():
            raise ValueError("a gallery is searched for a reason, which is kept in its audit log: add why = TEXT")
        if self.decide_frames > self.frames:
            raise ValueError(
                f"decide_frames is {self.decide_frames}, but only {self.frames} frames are kept of a track"
            )
        return self
