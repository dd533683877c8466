"""What machines can do: hardware as data, rates measured here, and what feeding, categorising and failures cost.

Guarantee: every figure says where it is from: a data sheet, a paper, a measurement, or an assumption. Cost: importing
this imports no torch. Limit: a figure from a data sheet is an upper bound until `eye benchmark` has measured it.
"""

from compoundeye.capacity._cluster import Accelerator, Cluster, Curve, Network, Node
from compoundeye.capacity._term import Kind, Term

__all__ = [
    "Accelerator",
    "Cluster",
    "Curve",
    "Kind",
    "Network",
    "Node",
    "Term",
]
