"""What machines can do: hardware as data, rates measured here, and what feeding, categorising and failures cost.

Guarantee: every figure says where it is from: a data sheet, a paper, a measurement, or an assumption. Cost: importing
this imports no torch. Limit: a figure from a data sheet is an upper bound until `eye benchmark` has measured it.
"""

from compoundeye.capacity._bench import HardwareEffort
from compoundeye.capacity._calibrate import Calibration, calibrate
from compoundeye.capacity._calibrate_between import calibrate_between
from compoundeye.capacity._categorising_plan import CategorisingPlan, Way, categorising_plan
from compoundeye.capacity._cluster import Accelerator, Cluster, Curve, Network, Node
from compoundeye.capacity._data_plan import DataPlan, data_plan
from compoundeye.capacity._goodput import Goodput, goodput
from compoundeye.capacity._hardware import (
    HardwareNames,
    accelerator,
    accelerator_of,
    cluster,
    hardware_names,
    hardware_terms,
    network,
)
from compoundeye.capacity._hardware_file import kind_of
from compoundeye.capacity._measure import FULL, QUICK, Extent, Feed, measure
from compoundeye.capacity._published_gpu import GpuRate, gpu_rate, gpu_rates
from compoundeye.capacity._rates import (
    ModelRates,
    Rates,
    SizeRates,
    documented_rates,
    keep_rates,
    rates,
    rates_path,
    read_rates,
)
from compoundeye.capacity._reliability import Reliability, reliability, reliability_names
from compoundeye.capacity._spares import spares_needed
from compoundeye.capacity._term import Kind, Term
from compoundeye.capacity._training_runs import TrainingRun, training_runs
from compoundeye.capacity._young_daly import daly, expected_fraction, young

__all__ = [
    "FULL",
    "QUICK",
    "Accelerator",
    "Calibration",
    "CategorisingPlan",
    "Cluster",
    "Curve",
    "DataPlan",
    "Extent",
    "Feed",
    "Goodput",
    "GpuRate",
    "HardwareEffort",
    "HardwareNames",
    "Kind",
    "ModelRates",
    "Network",
    "Node",
    "Rates",
    "Reliability",
    "SizeRates",
    "Term",
    "TrainingRun",
    "Way",
    "accelerator",
    "accelerator_of",
    "calibrate",
    "calibrate_between",
    "categorising_plan",
    "cluster",
    "daly",
    "data_plan",
    "documented_rates",
    "expected_fraction",
    "goodput",
    "gpu_rate",
    "gpu_rates",
    "hardware_names",
    "hardware_terms",
    "keep_rates",
    "kind_of",
    "measure",
    "network",
    "rates",
    "rates_path",
    "read_rates",
    "reliability",
    "reliability_names",
    "spares_needed",
    "training_runs",
    "young",
]
