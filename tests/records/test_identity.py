"""One identity from the camera to the answer and back, which anyone can check without us."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.records import PICTURE_ID_BYTES, ModelIdentity, picture_id, source_key


def test_the_id_is_what_sha256sum_prints(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(b"any bytes at all")
    printed = subprocess.run(["sha256sum", tmp_path / "picture.jpg"], capture_output=True, text=True, check=True)
    assert picture_id(b"any bytes at all").hex() == printed.stdout[:32]


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_ids_are_equal_exactly_where_the_bytes_are(one: bytes, other: bytes) -> None:
    assert len(picture_id(one)) == PICTURE_ID_BYTES
    assert (picture_id(one) == picture_id(other)) == (one == other)


PLACE = st.tuples(st.binary(max_size=20), st.integers(0, 2**63 - 1), st.integers(-(2**62), 2**62))


@given(PLACE, PLACE)
def test_keys_are_equal_exactly_where_place_size_and_time_are(
    one: tuple[bytes, int, int], other: tuple[bytes, int, int]
) -> None:
    assert len(source_key(*one)) == PICTURE_ID_BYTES
    assert (source_key(*one) == source_key(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [((b"a", 1, 23), (b"a", 12, 3)), ((b"3\0a", 1, 2), (b"a", 1, 2)), ((b"", 0, 0), (b"\0", 0, 0))],
)
def test_the_parts_of_a_key_cannot_run_into_each_other(
    one: tuple[bytes, int, int], other: tuple[bytes, int, int]
) -> None:
    assert source_key(*one) != source_key(*other)


def test_a_model_identity_names_its_weights() -> None:
    assert str(ModelIdentity("net", "2", "ab" * 32)) == "net/2 sha256:abababababababab"
