"""An application is found by its name."""

from __future__ import annotations

import pytest

from compoundeye.apps import APPLICATIONS, application
from compoundeye.records import EyeError


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(EyeError, match="did you mean traffic"):
        application("trafic")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_has_settings_that_need_nothing_said(name: str) -> None:
    found = application(name)
    assert found.name == name
    found.settings()
