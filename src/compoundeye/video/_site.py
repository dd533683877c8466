"""A site: its streams, what watches them, and where events go; one TOML file with global values and overrides."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from compoundeye.records import EyeError
from compoundeye.video._app import Application
from compoundeye.video._settings import Section, checked, merged

Settings = TypeVar("Settings", bound=BaseModel)
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Of a stream: it is part of file names, topics and columns."""
SHARED = ("detector", "tracker")
"""Tables that stand beside an application's, and belong to it if it has fields of these names."""


class StreamSettings(BaseModel):
    """One camera or file: the table [streams.NAME]. Tables named like an application override that one's settings."""

    model_config = ConfigDict(frozen=True, extra="allow")

    source: str = Field(min_length=1, description="file, folder of frames, /dev/video0, rtsp://, http://, - for stdin")
    live: bool | None = Field(
        default=None,
        description="true: the newest frame wins, others are dropped; false: every frame; left out: as the source is",
    )
    every: int = Field(default=1, ge=1, le=1000, description="look at one frame of so many")
    rate: float | None = Field(
        default=None, gt=0, le=1000, description="frames a second of a folder, and of a file that states no times"
    )
    hardware: str | None = Field(default=None, description="auto: decode on a graphics processor where there is one")
    options: dict[str, str] = Field(
        default={}, description='more for FFmpeg, such as { rtsp_transport = "udp" } or { video_size = "1280x720" }'
    )


def _one_or_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class EventSettings(Section):
    """Where events go: the table [events]."""

    to: Annotated[tuple[str, ...], BeforeValidator(_one_or_several)] | None = Field(
        default=None,
        description="SQLite file, postgresql://, file.jsonl, mqtt://, https:// webhook, - for standard output",
    )


class PrivacySettings(Section):
    """What is done to people before anything is kept or shown: the table [privacy]."""

    hide: Literal["none", "pixelate", "blur", "cover"] = Field(
        default="none", description="none, pixelate, blur, or cover with grey"
    )


class KeepSettings(Section):
    """What is kept of events, and for how long: the table [keep]."""

    snapshots: bool = Field(default=False, description="a picture of each event that has a place")
    clips: bool = Field(
        default=False, description="a video of each event that has a place, from 5 s before to 5 s after"
    )
    kinds: tuple[str, ...] | None = Field(default=None, description="only of these kinds of events; all if left out")
    folder: str | None = Field(default=None, description="of snapshots and clips; beside the live state if left out")
    # No limit unless somebody sets one: what an old recording shows is old on the day that it is found.
    days: float | None = Field(
        default=None, gt=0, description="what was captured longer ago is removed; all is kept if left out"
    )
    gigabytes: float = Field(default=10.0, gt=0, description="of snapshots and clips: the oldest go when there is more")


class Site(Section):
    """All that `watch` needs to know, but the settings of an application, which `app_settings` gives."""

    app: str | None = Field(default=None, description="the application that watches, as `eye watch --app` names it")
    streams: dict[str, StreamSettings] = Field(default={}, description="cameras and files by name")
    events: EventSettings = EventSettings()
    privacy: PrivacySettings = PrivacySettings()
    keep: KeepSettings = KeepSettings()
    tables: dict[str, Any] = Field(default={}, description="[detector], [tracker] and those of applications, unchecked")
    where: str = Field(default="settings", description="the file, for messages")


def read_site(path: Path) -> Site:
    """A site from its TOML file.

    Raises:
        EyeError: no such file, not TOML, or a wrong setting. Settings of applications are checked by `app_settings`.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EyeError(f"no site file at {path}; `eye watch SOURCE --app traffic` needs none") from None
    except (OSError, UnicodeDecodeError) as error:
        raise EyeError(f"cannot read the site file {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise EyeError(f"{path}: not TOML: {error}") from None
    return site_of(values, str(path))


def site_of(values: Mapping[str, Any], where: str = "settings") -> Site:
    """A site from plain values, as its TOML file holds them.

    Raises:
        EyeError: a wrong setting; the message names the field and what is allowed.
    """
    own = {name: value for name, value in values.items() if name in Site.model_fields.keys() - {"tables", "where"}}
    # What is no table of ours may be an application's: only `app_settings` knows which one it is.
    rest = {name: value for name, value in values.items() if name not in own}
    site = checked(Site, own | {"tables": rest, "where": where}, where)
    for name in site.streams:
        _check_name(name, where)
    return site


def _check_name(name: str, where: str) -> None:
    if not re.match(NAME, name):
        raise EyeError(
            f"{where}: streams.{name}: a name of a stream begins with a letter or digit, "
            "and holds only those, dots, hyphens and underscores"
        )


class SiteOf(Generic[Settings]):
    """A site's settings as one application takes them."""

    def __init__(self, site: Site, application: Application[Settings, Any]) -> None:
        """Check every setting.

        Raises:
            EyeError: a table is neither the application's nor a known one, or a setting is wrong.
        """
        self.site, self.application = site, application
        fields = application.settings.model_fields
        for name in site.tables:
            if name != application.name and name not in SHARED:
                known = ", ".join(["app", "streams", "events", "privacy", "keep", *SHARED, application.name])
                raise EyeError(f"{site.where}: {name}: no such setting; there are {known}")
        shared = {name: site.tables[name] for name in SHARED if name in site.tables}
        for name in shared:
            if name not in fields:
                raise EyeError(f"{site.where}: {name}: the application {application.name} has none")
        # Beside the application's table or in it: the nearer one wins.
        self._base = merged(shared, _table(site.tables.get(application.name, {}), application.name, site.where))
        self.shared = self._checked(self._base, ())
        self.streams = {name: self._of_stream(name, stream) for name, stream in site.streams.items()}

    def _of_stream(self, name: str, stream: StreamSettings) -> Settings:
        extra = dict(stream.model_extra or {})
        own = _table(extra.pop(self.application.name, {}), self.application.name, self.site.where)
        if extra:
            fields = ", ".join([*StreamSettings.model_fields, self.application.name])
            raise EyeError(
                f"{self.site.where}: streams.{name}.{next(iter(extra))}: no such setting; there are {fields}"
            )
        if "detector" in own:
            raise EyeError(
                f"{self.site.where}: streams.{name}.{self.application.name}.detector: all streams share one; "
                "set it in [detector]"
            )
        return self._checked(merged(self._base, own), ("streams", name) if own else ())

    def _checked(self, values: Mapping[str, Any], above: tuple[str, ...]) -> Settings:
        return checked(self.application.settings, values, self.site.where, (*above, self.application.name))


def _table(value: Any, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise EyeError(f"{where}: {name}: must be a table, [{name}]")
    return value
