"""Metro and city traffic: who crosses which line, how full a place is, how fast things move, what stands still.

Guarantee: a flicker on a line is never counted twice, in minus out is compared with who is inside, and nothing
biometric is kept. Cost: a fraction of the detector's. Limit: boxes cannot count dense crowds.
"""

__all__: list[str] = []
