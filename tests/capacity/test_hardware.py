"""Hardware by name: every figure with its source, users' own files, and errors that help."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from compoundeye.capacity import (
    Accelerator,
    Network,
    accelerator,
    accelerator_of,
    cluster,
    hardware_names,
    hardware_terms,
    kind_of,
    network,
)
from compoundeye.capacity._hardware import OURS
from compoundeye.records import EyeError

ACCELERATORS = sorted(path.stem for path in OURS.glob("*.toml") if "[accelerator]" in path.read_text())
NETWORKS = sorted(path.stem for path in OURS.glob("*.toml") if "[network]" in path.read_text())

MINE = """
name = "mine"
[sources]
sheet = "data sheet: of the maker"
[accelerator]
memory = { value = 16e9, source = "sheet" }
reserved = { value = 1e9, source = "assumed: as others" }
bandwidth = { value = 500e9, source = "sheet" }
products = { value = [[1e9, 0.3], [1e12, 0.8]], source = "measured: by me" }
streams = { floor = 2e-6, limit = 0.9, source = "a paper, table 3" }
watts = { value = 200, source = "sheet" }
[accelerator.peak]
fp32 = { value = 50e12, source = "sheet" }
"""
LINK = """
[network]
bandwidth = { value = 10e9, source = "data sheet: of the maker" }
latency = { value = 1e-6, source = "assumed: short" }
achieved = { value = [[1e6, 0.5]], source = "assumed: half" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's own hardware lies."""
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    (tmp_path / "hardware").mkdir()
    return tmp_path / "hardware"


def test_the_accelerators_and_networks_that_people_ask_for_are_there() -> None:
    names = hardware_names()
    asked = "a100-40 a100-80 h100 h100-pcie h200 b200 gb200 mi300x l40s rtx-4090 rtx-5090 cpu"
    assert set(asked.split()) <= set(names.accelerators)
    asked = "nvlink3 nvlink4 nvlink5 pcie4 pcie5 ib-hdr ib-ndr ib-xdr roce-400 ethernet-100 loopback storage-100"
    assert set(asked.split()) <= set(names.networks)


@pytest.mark.parametrize("name", ACCELERATORS)
def test_every_figure_of_an_accelerator_has_a_source_and_makes_sense(name: str) -> None:
    gpu = accelerator(name)
    assert isinstance(gpu, Accelerator)
    figures = ("memory", "reserved", "bandwidth", "products", "streams", "watts", "launch")
    assert {*figures, *(f"peak.{precision}" for precision in gpu.peak)} == set(gpu.sources)
    assert all(len(source) > 20 for source in gpu.sources.values())
    assert set(gpu.peak) == {"fp32", "bf16", "float8"}
    assert gpu.peak["fp32"] <= gpu.peak["bf16"] <= gpu.peak["float8"]
    assert gpu.reserved < gpu.memory / 5
    for curve in (gpu.products, gpu.streams):
        assert all(a < b and low <= high for (a, low), (b, high) in pairwise(curve.points))
        assert 0 < curve.points[0][1] <= curve.points[-1][1] <= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_every_figure_of_a_network_has_a_source_and_makes_sense(name: str) -> None:
    link = network(name)
    assert isinstance(link, Network)
    assert set(link.sources) == {"bandwidth", "latency", "achieved"}
    assert 0 < link.latency < 0.1
    points = link.achieved.points
    assert all(a < b and low <= high for (a, low), (b, high) in pairwise(points))
    assert 0 < points[0][1] <= points[-1][1] <= 1


@pytest.mark.parametrize("name", ACCELERATORS)
def test_every_accelerator_comes_in_a_node_whose_networks_are_known(name: str) -> None:
    one = cluster(name, 1)
    assert (one.node.accelerators, one.accelerators) == (1, 1)
    assert one.node.cores >= 1
    terms = hardware_terms(one)
    assert len({term.key for term in terms}) == len(terms)
    assert all(term.source for term in terms)


def test_data_sheets_are_as_published() -> None:
    # NVIDIA, H100 data sheet (2023): 1,979 TFLOP/s in BF16 with sparsity, twice what dense products have
    assert accelerator("h100").peak["bf16"] == pytest.approx(1979e12 / 2, rel=1e-3)
    assert network("nvlink4").bandwidth == 900e9 / 2  # both ways
    assert network("ib-ndr").bandwidth == 400e9 / 8  # bits


def test_eight_thousand_gpus_are_a_thousand_nodes() -> None:
    whole = cluster("h100", 8192)
    assert (whole.accelerators, whole.node.accelerators, whole.node.within.name) == (8192, 8, "nvlink4")
    assert (whole.between.name, whole.storage) == ("ib-ndr", None)
    other = cluster("h100", 8192, "roce-400", storage="storage-400")
    assert other.between.name == "roce-400"
    assert other.storage is not None
    assert other.storage.bandwidth == 50e9


def test_ethernet_is_shared_by_the_accelerators_of_a_node() -> None:
    assert cluster("h100", 16, "ethernet-100").between.bandwidth == network("ethernet-100").bandwidth / 8
    assert cluster("h100", 2, "ethernet-100").between.bandwidth == network("ethernet-100").bandwidth / 2


def test_half_a_node_has_half_its_processors() -> None:
    half, whole = cluster("a100-80", 4).node, cluster("a100-80", 8).node
    assert (half.accelerators, half.cores, half.memory) == (4, whole.cores // 2, whole.memory / 2)


@pytest.mark.parametrize(
    ("gpus", "said"), [(12, "12 are not whole nodes"), (0, "at least one accelerator"), (-8, "at least one")]
)
def test_accelerators_that_are_no_whole_nodes_are_refused(gpus: int, said: str) -> None:
    with pytest.raises(EyeError, match=said):
        cluster("h100", gpus)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100-pcie"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-40GB", "a100-40"),
        ("NVIDIA A100-SXM4-80GB", "a100-80"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx-4090"),
        ("NVIDIA GB200", "gb200"),
        ("AMD Instinct MI300X", "mi300x"),
        ("Tesla V100-SXM2-16GB", None),
    ],
)
def test_what_a_driver_calls_a_device_finds_its_figures(device: str, name: str | None) -> None:
    found = accelerator_of(device)
    assert (found.name if found else None) == name


def test_a_users_file_goes_before_ours_and_is_read_again_when_it_changes(folder: Path) -> None:
    file = folder / "h100.toml"
    file.write_text(MINE.replace('"mine"', '"h100"'))
    assert accelerator("h100").memory == 16e9
    assert accelerator("h100").peak == {"fp32": 50e12, "bf16": 50e12, "float8": 50e12}
    file.unlink()
    assert accelerator("h100").memory > 80e9


def test_a_file_anywhere_can_be_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "link.toml").write_text(LINK)
    link = network(str(tmp_path / "link.toml"))
    assert (link.name, link.bandwidth) == ("link", 10e9)
    (tmp_path / "mine.toml").write_text(MINE)
    with pytest.raises(EyeError, match="describes no node"):
        cluster(str(tmp_path / "mine.toml"), 8)
    with pytest.raises(EyeError, match="there is no hardware file"):
        accelerator(str(tmp_path / "none.toml"))


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(EyeError, match=r"no accelerator is called h1000; did you mean h100"):
        accelerator("h1000")
    with pytest.raises(EyeError, match="nvlink4 is a network"):
        accelerator("nvlink4")
    with pytest.raises(EyeError, match="h100 is an accelerator"):
        network("h100")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('memory = { value = 16e9, source = "sheet" }', "", "needs memory"),
        ('{ value = 16e9, source = "sheet" }', "16e9", "needs memory"),
        ('{ value = 16e9, source = "sheet" }', "{ value = 16e9 }", "where is the figure from"),
        ("value = 16e9", 'value = "16 GB"', "must be a number"),
        ("value = 16e9", "value = -1", "must be a number"),
        ("value = 16e9", "value = 0", "above 0"),
        ("value = 16e9", "value = inf", "must be a number"),
        ("watts", "wats", "unknown key wats"),
        ("[[1e9, 0.3], [1e12, 0.8]]", "[[1e9]]", "pairs of numbers"),
        ("limit = 0.9, ", "", "floor and limit"),
        ("limit = 0.9, ", "limit = 0, ", "above 0"),
        ("[accelerator.peak]\nfp32", "[accelerator.peak]\nfp64", "unknown key fp64"),
        ("[accelerator]", "[accelerate]", "unknown key accelerate"),
        ('name = "mine"', 'name = "other"', "calls itself other"),
        ('name = "mine"', "name = ", "cannot be read"),
        ('sheet = "data', 'sheet = 3 #"data', "must be text"),
    ],
)
def test_a_bad_file_is_one_clear_sentence(old: str, new: str, said: str, folder: Path) -> None:
    assert old in MINE
    (folder / "mine.toml").write_text(MINE.replace(old, new, 1))
    with pytest.raises(EyeError, match=said) as told:
        accelerator("mine")
    assert "mine.toml" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("data sheet: NVIDIA", "datasheet"),
        ("measured: 2026", "measured"),
        ("assumed: why", "assumed"),
        ("A paper, table 3: figures", "published"),
    ],
)
def test_a_source_says_which_kind_of_figure_it_is(source: str, kind: str) -> None:
    assert kind_of(source) == kind
