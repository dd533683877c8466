"""Calibrating writes what plans read: this machine for real, cards that are not here from made-up timings."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from compoundeye.capacity import (
    Calibration,
    HardwareEffort,
    accelerator,
    calibrate,
    cluster,
    hardware_names,
    kind_of,
    network,
)
from compoundeye.capacity import _calibrate as calibrating
from compoundeye.capacity._bench import Measured, Messages
from compoundeye.capacity._hardware import OURS
from compoundeye.capacity._hardware_file import read
from compoundeye.capacity._hardware_write import write
from compoundeye.records import EyeError

QUICK = HardwareEffort(seconds=1e-4, product=128, stream=2**18, message=2**13)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(home))


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def done(home: Path, told: list[str]) -> Calibration:
    """This machine, by two processes over gloo."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUNDEYE_HOME", str(home))
        return calibrate("here", device="cpu", processes=2, tell=told.append, effort=QUICK)


def test_two_processes_of_this_machine_are_measured_and_planned_with(done: Calibration, told: list[str]) -> None:
    gpu = accelerator("here")
    assert gpu == done.accelerator
    assert {kind_of(gpu.sources[key]) for key in ("peak.fp32", "bandwidth", "memory", "products")} == {"measured"}
    assert "torch" in gpu.sources["products"]
    assert "gloo" in gpu.sources["products"]
    assert kind_of(gpu.sources["watts"]) == "assumed"  # nothing here measures power
    whole = cluster("here", 2)
    assert whole.node.within == done.network == network("here-within")
    assert whole.node.memory == pytest.approx(2 * gpu.memory, rel=1e-4)
    assert told[-1] == "messages between 2 processes"


def test_what_was_measured_is_positive_and_its_curves_rise(done: Calibration) -> None:
    assert done.network is not None
    for curve in (done.accelerator.products, done.accelerator.streams, done.network.achieved):
        assert all(a < b and low <= high for (a, low), (b, high) in pairwise(curve.points))
        assert 0 < curve.points[0][1] <= curve.points[-1][1] <= 1.00001
    terms = {term.key: term for term in done.terms()}
    assert all(term.value > 0 for term in terms.values())
    assert terms["accelerator.peak.fp32"].kind == "measured"
    assert terms["within.latency"].unit == "s"


def test_measuring_again_replaces_the_file_whole(done: Calibration, home: Path) -> None:
    again = calibrate("here", device="cpu", processes=1, effort=QUICK)
    assert (again.path, again.network) == (done.path, None)
    assert cluster("here", 1).node.within.name == "loopback"
    assert not list(home.glob("hardware/.*"))
    assert "here" in hardware_names().accelerators


@pytest.mark.parametrize("name", ["", "My GPU", "../h100", "h100.toml"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(EyeError, match="small letters"):
        calibrate(name)


def test_without_a_gpu_there_is_nothing_to_measure_on_one() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EyeError, match="torch sees no GPU"):
        calibrate("mine", device="cuda")


def test_no_process_measures_nothing() -> None:
    with pytest.raises(EyeError, match="0 processes cannot be measured"):
        calibrate("mine", processes=0)


# Timings of made-up cards: products at a rate that grows with their size, memory at 3 TB/s after 5 us, a ring of 300
# GB/s whose hops take 1 us and whose calls take 20 us.
SIDES = [256, 1024, 4096, 16384]
SIZES = [2**power for power in range(14, 32)]
MESSAGES = [2**power for power in range(10, 31)]


def products(best: float) -> list[tuple[float, float]]:
    return [(2.0 * side**3, 2.0 * side**3 / (best * side / (side + 500))) for side in SIDES]


def made_up(device: str, ranks: int = 8, *, float8: bool = True) -> Measured:
    rates = {"fp32": products(50e12), "bf16": products(700e12)} | ({"float8": products(1300e12)} if float8 else {})
    return Measured(
        device=device,
        memory=85e9,
        versions="torch 2.13.0, CUDA 13.0, NCCL 2.28",
        products=rates,
        streams=[(size, 5e-6 + size / 3e12) for size in SIZES],
        launch=3e-6,
        messages=Messages(
            [(size, 20e-6 + 2 * (ranks - 1) * (1e-6 + size / ranks / 300e9)) for size in MESSAGES],
            [(size, 20e-6 + (ranks - 1) * (1e-6 + size / ranks / 300e9)) for size in MESSAGES],
        ),
    )


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Eight cards of a kind whose data sheet is known, in this machine."""
    found = made_up("NVIDIA H100 80GB HBM3")
    monkeypatch.setattr(calibrating, "devices", lambda _device: 8)
    monkeypatch.setattr(calibrating, "measure", lambda *_given: found)
    return found


def test_of_a_card_with_a_data_sheet_the_peak_stays_and_the_curve_says_what_was_reached(card: Measured) -> None:
    sheet = read(OURS / "h100.toml").accelerator
    assert sheet is not None
    gpu = calibrate("my-h100", device="cuda").accelerator
    assert gpu.peak["bf16"] == pytest.approx(sheet.peak["bf16"], rel=1e-4)
    assert kind_of(gpu.sources["peak.bf16"]) == "datasheet"
    for flops, taken in card.products["bf16"]:
        assert flops / (gpu.peak["bf16"] * gpu.products.at(flops)) == pytest.approx(taken, rel=1e-3)
    for precision in ("fp32", "float8"):  # their largest products take as long as was measured
        flops, taken = card.products[precision][-1]
        assert flops / (gpu.peak[precision] * gpu.products.at(flops)) == pytest.approx(taken, rel=1e-3)
    size, taken = card.streams[-1]
    assert size / (gpu.bandwidth * gpu.streams.at(size)) == pytest.approx(taken, rel=1e-3)
    assert (gpu.memory, gpu.launch) == (85e9, 3e-6)


def test_calls_over_the_network_come_out_as_long_as_they_were(card: Measured) -> None:
    link = calibrate("my-h100", device="cuda").network
    assert link is not None
    assert link.latency == pytest.approx(1e-6, rel=1e-3)
    assert (link.bandwidth, kind_of(link.sources["bandwidth"])) == (450e9, "datasheet")
    for size, taken in card.messages.reductions[10:-1]:
        sent = size * 14 / 8
        assert 14 * link.latency + sent / (link.bandwidth * link.achieved.at(sent)) == pytest.approx(taken, rel=0.02)


def test_a_card_is_not_written_over_the_figures_of_another(card: Measured) -> None:
    assert "H100" in card.device
    with pytest.raises(EyeError, match="not what is known as b200"):
        calibrate("b200", device="cuda")
    with pytest.raises(EyeError, match="9 processes cannot be measured on 8 GPUs"):
        calibrate("my-h100", device="cuda", processes=9)


def test_a_card_that_nobody_knows_is_described_by_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made_up("Example Accelerator 1", ranks=2, float8=False)
    monkeypatch.setattr(calibrating, "devices", lambda _device: 2)
    monkeypatch.setattr(calibrating, "measure", lambda *_given: found)
    gpu = calibrate("example", device="cuda").accelerator
    flops, taken = found.products["bf16"][-1]
    assert gpu.peak["bf16"] == pytest.approx(flops / taken, rel=1e-4)
    assert gpu.peak["float8"] == gpu.peak["bf16"]  # none of its own
    assert {kind_of(gpu.sources[key]) for key in ("peak.bf16", "bandwidth")} == {"measured"}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    source = 'measured: a "quoted" name \\ with £ and a tab\t'
    figures = {key: {"value": value, "source": source} for key, value in [("bandwidth", 1e9), ("latency", 1.25e-6)]}
    achieved = {"achieved": {"value": [[1024, 0.25], [2**20, 0.75]], "source": "a paper"}}
    write(tmp_path / "link.toml", {"name": "link"}, {"here": source}, {"network": figures | achieved})
    link = read(tmp_path / "link.toml").network
    assert link is not None
    assert (link.bandwidth, link.latency, link.achieved.points) == (1e9, 1.25e-6, ((1024, 0.25), (1048580, 0.75)))
    assert link.sources == {"bandwidth": source, "latency": source, "achieved": "a paper"}
