"""When to checkpoint, and what failures then cost, in closed form: the cross-check of the simulation.

Failures are a Poisson process, everything else takes fixed times. Young 1974, "A first order approximation to the
optimum checkpoint interval", CACM 17(9). Daly 2006, "A higher order estimate of the optimum checkpoint interval for
restart dumps", Future Generation Computer Systems 22(3).
"""

from __future__ import annotations

from math import exp, expm1, inf, sqrt

from compoundeye.records import EyeError

FAR = 700.0
"""Times the mean time to failure; nothing that takes so long ever ends, and ``exp`` overflows soon after."""


def young(save: float, mttf: float) -> float:
    """Young 1974: the interval between checkpoints is ``sqrt(2 save mttf)``, all in seconds."""
    return sqrt(2.0 * save * mttf)


def daly(save: float, mttf: float) -> float:
    """Daly 2006, equation 37: seconds of work between checkpoints, to third order in ``save / mttf``.

    Where saving takes twice the mean time to failure or longer there is no more to gain: the interval is ``mttf``.
    """
    if mttf == inf:
        return inf
    if save >= 2.0 * mttf:
        return mttf
    part = sqrt(save / (2.0 * mttf))
    return sqrt(2.0 * save * mttf) * (1.0 + part / 3.0 + part * part / 9.0) - save


def expected_fraction(
    interval: float,
    *,
    save: float,
    write: float = 0.0,
    mttf: float,
    detection: float = 0.0,
    restart: float = 0.0,
    planned: float = 0.0,
) -> float:
    """Useful time over elapsed time, in the long run.

    A checkpoint blocks for ``save`` after each ``interval`` of work and is whole ``write`` later. A failure goes back
    to the last whole one, after ``detection`` and ``restart``; a failure during the restart begins again with its
    detection. Planned interruptions (``planned`` a second) come while the job runs, and write a checkpoint first.

    With ``write``, ``detection`` and ``planned`` zero this is Daly 2006, equation 20: work done over
    ``mttf exp(restart / mttf) (exp((interval + save) / mttf) - 1)``. The others follow by the same renewal argument:
    of a stretch of running that ends after ``X``, exponential, ``floor((X - write) / (interval + save))`` intervals
    are kept.

    Raises:
        EyeError: an interval that is not above zero.
    """
    if interval <= 0:
        raise EyeError(f"a checkpoint interval must be above 0 s, not {interval}")
    failing = 1.0 / mttf
    ending = failing + planned
    period = interval + save
    if ending == 0.0:
        return interval / period
    if max(failing * restart, ending * period) > FAR:
        return 0.0
    again = expm1(failing * restart) * (1.0 / failing + detection) if failing else restart
    kept_after_failure = interval * exp(-ending * write) / expm1(ending * period)
    kept_when_planned = -expm1(-ending * interval) / (ending * -expm1(-ending * period))
    useful = (failing * kept_after_failure + planned * kept_when_planned) / ending
    elapsed = (1.0 + failing * detection + planned * (save + write)) / ending + again
    return useful / elapsed
