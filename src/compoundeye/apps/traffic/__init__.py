"""Metro and city traffic: who crosses which line, how full a place is, how fast things move, what stands still.

Guarantee: a flicker on a line is never counted twice, in minus out is compared with who is inside, and nothing
biometric is kept. Cost: a fraction of the detector's. Limit: boxes cannot count dense crowds.
"""

from compoundeye.apps.traffic._app import TrafficApp
from compoundeye.apps.traffic._application import APPLICATION, Traffic
from compoundeye.apps.traffic._settings import TrafficSettings

__all__ = ["APPLICATION", "Traffic", "TrafficApp", "TrafficSettings"]
