"""The network between nodes: four processes that take themselves for two nodes of two."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from processes import run

from compoundeye.capacity import HardwareEffort, Network, calibrate_between, cluster, network
from compoundeye.records import EyeError

QUICK = HardwareEffort(seconds=1e-4, message=2**12)
TORCHRUN = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"}


def measured(home: str, local: int) -> Network:
    """On one of the processes."""
    os.environ["COMPOUNDEYE_HOME"] = home
    os.environ["LOCAL_WORLD_SIZE"] = str(local)
    os.environ["LOCAL_RANK"] = str(int(os.environ["RANK"]) % local)
    return calibrate_between("ours", effort=QUICK)


def test_two_nodes_of_two_agree_on_their_network_and_plans_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = run(measured, 4, str(tmp_path), 2)
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    assert links == [network("ours")] * 4
    assert links[0].bandwidth > 0
    assert links[0].latency > 0
    assert "on 2 nodes" in links[0].sources["achieved"]
    assert cluster("cpu", 2, "ours").between == links[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"RANK": None}, "by torchrun"),
        ({"LOCAL_WORLD_SIZE": "2"}, "not two equal nodes"),
        ({"WORLD_SIZE": "5", "LOCAL_WORLD_SIZE": "2"}, "not two equal nodes"),
    ],
)
def test_without_two_nodes_there_is_no_network_between_them(
    changed: dict[str, str | None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {**TORCHRUN, **changed}.items():
        monkeypatch.delenv(key, raising=False) if value is None else monkeypatch.setenv(key, value)
    with pytest.raises(EyeError, match=said):
        calibrate_between("ours")


def test_the_network_that_it_is_must_be_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    with pytest.raises(EyeError, match="no network is called ib-ndrr; did you mean ib-ndr"):
        calibrate_between("ours", of="ib-ndrr")
