"""Tensors from a PyTorch checkpoint without PyTorch, and without running anything the file says.

Two containers exist: a zip (PyTorch 1.6 and later) and a run of pickles followed by raw storages (before that). Both
keep the structure as a pickle, and a pickle names functions to call. Here only a mapping and "view this storage as a
tensor" can be named, each answered by code of this file; any other name is refused. Format: ``torch/serialization.py``
of PyTorch 2.x (``_save``, ``_legacy_save``).
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from compoundeye.models._error import WeightsError

Array = npt.NDArray[Any]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_DTYPES: Mapping[str, np.dtype[Any]] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


class _State(dict[str, Any]):
    """Stands for ``collections.OrderedDict``; accepts the attributes that a state dict carries, and drops them."""

    def __setstate__(self, attributes: Any) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements, as PyTorch counts."""

    def read(self, data: bytes) -> Array:
        """Copy the view out of the bytes of its storage."""
        flat = np.frombuffer(data, self.storage.dtype, self.storage.count)
        reach = sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        empty = 0 in self.shape
        if min((0, self.offset, *self.shape, *self.strides)) < 0 or (not empty and self.offset + reach >= flat.size):
            raise ValueError("a tensor reaches outside its storage")
        steps = tuple(stride * flat.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps, writeable=False).copy()


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _View:
    return _View(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _rebuild_parameter(view: _View, *_: Any) -> _View:
    return view


_ADMITTED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _State,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    **{("torch", name): dtype for name, dtype in _DTYPES.items()},
}


class _Reader(pickle.Unpickler):
    """Unpickles structure only: see ``_ADMITTED``."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise WeightsError(f"the file asks for {module}.{name}, which no weights need: do not trust it") from None

    def persistent_load(self, reference: Any) -> _Storage:
        kind, dtype, key, _location, count = reference[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise ValueError("a reference is not to a storage of a known type")
        return self.storages.setdefault(str(key), _Storage(str(key), dtype, int(count)))


def read_state(path: Path) -> dict[str, Array]:
    """Read a state dict: name to array, in the file's order.

    Raises:
        WeightsError: the file is not such a checkpoint, is cut short, or names anything but tensors.
    """
    try:
        with path.open("rb") as stream:
            views, data = _read_zip(stream) if zipfile.is_zipfile(stream) else _read_legacy(stream)
        return {str(name): view.read(data(view.storage)) for name, view in views.items() if isinstance(view, _View)}
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle can fail in any way; the user's answer is the same
        raise WeightsError(f"{path} is not a readable PyTorch checkpoint ({error}): fetch it again") from error


def _read_zip(stream: IO[bytes]) -> tuple[_State, Callable[[_Storage], bytes]]:
    stream.seek(0)
    contents = {}
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.namelist():
            contents[entry.partition("/")[2]] = archive.read(entry)
    if contents.get("byteorder", b"little") != b"little":
        raise ValueError("big-endian")
    return _state(_Reader(io.BytesIO(contents["data.pkl"])).load()), lambda storage: contents[f"data/{storage.key}"]


def _read_legacy(stream: IO[bytes]) -> tuple[_State, Callable[[_Storage], bytes]]:
    stream.seek(0)
    if _Reader(stream).load() != _LEGACY_MAGIC or _Reader(stream).load() != _LEGACY_PROTOCOL:
        raise ValueError("wrong magic number")
    if not _Reader(stream).load()["little_endian"]:
        raise ValueError("big-endian")
    reader = _Reader(stream)
    state = _state(reader.load())
    data = {}
    for key in map(str, _Reader(stream).load()):
        (count,) = struct.unpack("<q", stream.read(8))
        storage = reader.storages[key]
        data[key] = stream.read(storage.count * storage.dtype.itemsize)
        if count != storage.count:
            raise ValueError("a storage has another size than its tensors say")
    return state, lambda storage: data[storage.key]


def _state(value: Any) -> _State:
    if not isinstance(value, _State):
        raise ValueError("not a state dict")
    return value
