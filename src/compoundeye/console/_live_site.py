"""A site file as the drawing tool sees it: lines and zones of one stream, read and written with all comments kept.

What stands in [APP] holds for all streams, what stands in [streams.NAME.APP] for one; a stream has both, the nearer
one wins. What is changed is changed where it stands, and nothing else is touched.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.console._refusals import Conflict, NotFound, TooLarge
from compoundeye.records import EyeError

MOST_BYTES = 1 << 20
"""A site file that is larger was not written by a person."""
KINDS = ("lines", "zones")


@dataclass(frozen=True, slots=True)
class Shape:
    """A line or zone."""

    name: str
    values: dict[str, Any]
    """As in TOML, of [APP] and of the stream together."""
    shared: bool = False
    """It stands in [APP]: all streams have it."""
    was: str | None = None
    """Its name in the file; None for a new one."""


@dataclass(frozen=True, slots=True)
class Document:
    """A site file at one moment."""

    path: Path
    text: str
    version: str
    """Digest of its bytes."""

    @property
    def values(self) -> dict[str, Any]:
        """As plain values.

        Raises:
            EyeError: it is not TOML.
        """
        try:
            return tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise EyeError(f"{self.path.name}: not TOML: {str(error)[:200]}") from error


def read(path: Path) -> Document:
    """A site file.

    Raises:
        NotFound: it is not there.
        TooLarge: it has more than `MOST_BYTES`.
        EyeError: it cannot be read, or is no text.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise TooLarge(f"the site file {path.name} has more than {MOST_BYTES >> 20} MiB: edit it by hand")
        return Document(path, data.decode("utf-8"), hashlib.sha256(data).hexdigest())
    except FileNotFoundError as error:
        raise NotFound(f"the site file {path.name} is not there any more") from error
    except (OSError, UnicodeDecodeError) as error:
        raise EyeError(f"the site file {path.name} cannot be read: {error}") from error


def names(path: Path) -> list[str]:
    """Its streams; empty where it cannot be read."""
    try:
        streams = read(path).values.get("streams")
    except EyeError:
        return []
    return [name for name in streams if name.isprintable()][:1000] if isinstance(streams, Mapping) else []


def shapes(values: Mapping[str, Any], app: str, stream: str, kind: str) -> list[Shape]:
    """Lines or zones of one stream, in the order of the file."""
    shared, own = (_table(table, kind) for table in _tables(values, app, stream))
    found = list[Shape]()
    for name in dict.fromkeys([*shared, *own]):
        both = _merged(_plain(shared.get(name)), _plain(own.get(name)))
        found.append(Shape(name, both, name in shared, name))
    return found


def drawn_on(values: Mapping[str, Any], app: str, stream: str) -> list[int] | None:
    """Width and height of the frame that points are pixels of; None if that is the stream's."""
    for table in reversed(_tables(values, app, stream)):
        size = table.get("drawn_on")
        if isinstance(size, Sequence) and len(size) == 2 and all(isinstance(one, int) and one > 0 for one in size):
            return list(size)
    return None


def changed(
    document: Document, app: str, stream: str, wanted: Mapping[str, Sequence[Shape]], size: Sequence[int] | None
) -> str:
    """The text of a file with other lines and zones.

    Args:
        wanted: by kind, all that there are to be.
        size: of the frame that they were drawn on, which is noted where nothing is known yet.

    Raises:
        EyeError: it is written in a way that cannot be changed here without harm.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    expected = document.values
    try:
        edited = tomlkit.parse(document.text)
        for tree in (expected, edited):
            _edit(tree, app, stream, wanted, size)
        text = tomlkit.dumps(edited)
        same = tomllib.loads(text) == expected
    except (TOMLKitError, tomllib.TOMLDecodeError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise EyeError(f"{document.path.name} cannot be changed from here: edit it by hand ({error})") from error
    if not same:
        raise EyeError(f"{document.path.name} is written in a way that cannot be changed from here: edit it by hand")
    return text


def write(document: Document, text: str) -> Document:
    """Replace a file that is still as it was read: whole, or not at all.

    Raises:
        Conflict: somebody changed it meanwhile.
        EyeError: it cannot be written.
    """
    place = Path(os.path.realpath(document.path))  # a link stays a link
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with _alone(place.parent):
            if read(place).version != document.version:
                raise Conflict("the site file was changed meanwhile: load it again; what you drew here is not saved")
            try:
                with open(part, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                shutil.copymode(place, part)
                os.replace(part, place)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise EyeError(f"the site file {place.name} cannot be written: {error.strerror}") from error
    return read(document.path)


def _edit(
    tree: MutableMapping[str, Any],
    app: str,
    stream: str,
    wanted: Mapping[str, Sequence[Shape]],
    size: Sequence[int] | None,
) -> None:
    """The same on plain values and on a document of tomlkit."""
    shared, own = _tables(tree, app, stream)
    streams = tree.get("streams", {})
    alone = isinstance(streams, Mapping) and len(streams) == 1 and not own
    bare = not any(name in table for table in (shared, own) for name in (*KINDS, "ground", "drawn_on"))
    for kind, shapes_ in wanted.items():
        for table in (shared, own):
            inner = _table(table, kind)
            kept = {one.was for one in shapes_}
            for name in [name for name in inner if name not in kept]:
                del inner[name]
            _rename(inner, {one.was: one.name for one in shapes_ if one.was and one.was != one.name})
        for one in shapes_:
            _put(tree, (app,) if alone else ("streams", stream, app), shared, own, kind, one)
    if size is not None and bare and any(wanted.values()):
        place = _made(tree, (app,) if alone else ("streams", stream, app))
        place["drawn_on"] = list(size)
    _without_empty(tree, app, stream, wanted)


def _without_empty(tree: MutableMapping[str, Any], app: str, stream: str, kinds: Iterable[str]) -> None:
    """TOML may leave out tables that only others stood in, and so do we."""
    for place in (tree, _table(_table(tree, "streams"), stream)):
        table = _table(place, app)
        for kind in kinds:
            if kind in table and not table[kind]:
                del table[kind]
        if app in place and not table:
            del place[app]


def _put(
    tree: MutableMapping[str, Any],
    target: tuple[str, ...],
    shared: Mapping[str, Any],
    own: Mapping[str, Any],
    kind: str,
    one: Shape,
) -> None:
    in_shared, in_own = _table(shared, kind), _table(own, kind)
    if one.name not in in_shared and one.name not in in_own:
        _made(tree, (*target, kind))[one.name] = one.values
        return
    before = _merged(_plain(in_shared.get(one.name)), _plain(in_own.get(one.name)))
    nearest = in_own if one.name in in_own else in_shared
    for table in (in_own.get(one.name), in_shared.get(one.name)):
        if isinstance(table, MutableMapping):
            _forget(table, before, one.values)
    _change(nearest[one.name], before, one.values)


def _change(table: MutableMapping[str, Any], before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        old = before.get(name)
        if old == value:
            continue
        inner = table.get(name)
        if isinstance(inner, MutableMapping) and isinstance(value, Mapping) and isinstance(old, Mapping):
            _change(inner, old, value)
        else:
            table[name] = value


def _forget(table: MutableMapping[str, Any], before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for name in [name for name in before if name in table]:
        inner, old, value = table[name], before[name], values.get(name)
        if name not in values:
            del table[name]
        elif isinstance(inner, MutableMapping) and isinstance(value, Mapping) and isinstance(old, Mapping):
            _forget(inner, old, value)


def _rename(table: MutableMapping[str, Any], to: Mapping[Any, str]) -> None:
    taken = [(to[name], table[name]) for name in list(table) if name in to]
    for name in [name for name in table if name in to]:
        del table[name]
    for name, item in taken:
        table[name] = item


def _made(tree: MutableMapping[str, Any], path: Sequence[str]) -> MutableMapping[str, Any]:
    """The table at a place, made where it is missing."""
    place = tree
    for name in path:
        if name not in place:
            place[name] = {}
        place = place[name]
    return place


def _tables(values: Mapping[str, Any], app: str, stream: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return _table(values, app), _table(_table(_table(values, "streams"), stream), app)


def _table(values: Mapping[str, Any], name: str) -> MutableMapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, MutableMapping) else {}


def _plain(value: Any) -> dict[str, Any]:
    plain = value.unwrap() if hasattr(value, "unwrap") else value
    return dict(plain) if isinstance(plain, Mapping) else {}


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for name, value in over.items():
        below = found.get(name)
        found[name] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time, of all processes: the folder is what all of them see."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
