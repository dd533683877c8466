"""Metro and city traffic: who crosses which line, how full a place is, how fast things move, what stands still.

Guarantee: a flicker within a line's hysteresis is never counted, whatever ids and dropped frames do to a path, in less
out is where it ends less where it began; counts are compared with who is inside; what lasts has one id from its first
message to its last; nothing biometric is kept. Cost: 2 to 5 ms of a processor a frame at 50 visitors with everything on
(`benchmarks/traffic_rules.py`), a detector's cost aside. Limit: boxes cannot count dense crowds; a path is as good as
its tracker, and below about two frames a second a tracker mixes up who walks; speeds need flat ground.
"""

from compoundeye.apps.traffic._app import TrafficApp
from compoundeye.apps.traffic._application import APPLICATION, Traffic
from compoundeye.apps.traffic._report import report
from compoundeye.apps.traffic._settings import TrafficSettings

__all__ = ["APPLICATION", "Traffic", "TrafficApp", "TrafficSettings", "report"]
