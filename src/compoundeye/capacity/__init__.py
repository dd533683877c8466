"""What machines can do: hardware as data, rates measured here, and what feeding, categorising and failures cost.

Guarantee: every figure says where it is from: a data sheet, a paper, a measurement, or an assumption. Cost: importing
this imports no torch. Limit: a figure from a data sheet is an upper bound until `eye benchmark` has measured it.
"""

from compoundeye.capacity._cluster import Accelerator, Cluster, Curve, Network, Node
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
from compoundeye.capacity._reliability import Reliability, reliability, reliability_names
from compoundeye.capacity._term import Kind, Term
from compoundeye.capacity._young_daly import daly, expected_fraction, young

__all__ = [
    "Accelerator",
    "Cluster",
    "Curve",
    "Goodput",
    "HardwareNames",
    "Kind",
    "Network",
    "Node",
    "Reliability",
    "Term",
    "accelerator",
    "accelerator_of",
    "cluster",
    "daly",
    "expected_fraction",
    "goodput",
    "hardware_names",
    "hardware_terms",
    "kind_of",
    "network",
    "reliability",
    "reliability_names",
    "young",
]
