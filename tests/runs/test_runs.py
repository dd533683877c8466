"""Run folders."""

from compoundeye import runs


def test_the_room_is_open() -> None:
    assert "run" in (runs.__doc__ or "")
