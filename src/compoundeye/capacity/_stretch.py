"""One stretch of running between two interruptions: what of it is saved, what is lost. Whole microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cadence:
    """Checkpoints in whole microseconds: ``work``, then ``save`` while training stands still, whole ``write`` later."""

    work: int
    save: int
    write: int

    @property
    def period(self) -> int:
        """From the beginning of one interval to the next."""
        return self.work + self.save

    def worked(self, elapsed: int) -> int:
        """How much of the time since the start of a stretch was spent in steps, not in saving."""
        whole, rest = divmod(elapsed, self.period)
        return whole * self.work + min(rest, self.work)

    def kept(self, elapsed: int) -> int:
        """How much of that work the last checkpoint holds that was whole by then."""
        return max(0, (elapsed - self.write) // self.period) * self.work


@dataclass(slots=True)
class Stretch:
    """Since ``start`` the job runs, on ``share`` of its nodes, at times slowed down by a straggler."""

    cadence: Cadence
    start: int
    share: tuple[int, int]
    """Nodes at work, and nodes of the whole job."""
    slow: list[tuple[int, bool]] = field(default_factory=list)
    """When it became slow or was no longer, in order."""

    def ended(self, now: int, *, lossless: bool, slowdown: float) -> dict[str, int]:
        """Where its time went; the parts add up to ``now - start``.

        ``lossless``: a checkpoint of this moment is written, or the run is over; else what came after the last whole
        checkpoint is computed again later.
        """
        elapsed = now - self.start
        worked = self.cadence.worked(elapsed)
        kept = worked if lossless else self.cadence.kept(elapsed)
        slow = self._slow_work(now, kept)
        stragglers = int(slow * slowdown / (1.0 + slowdown))
        at_work, whole = self.share
        fewer = (kept - stragglers) * (whole - at_work) // whole
        return {
            "useful": kept - stragglers - fewer,
            "saving": elapsed - worked,
            "computing again": worked - kept,
            "stragglers": stragglers,
            "fewer nodes": fewer,
        }

    def _slow_work(self, now: int, kept: int) -> int:
        """How much of the first ``kept`` microseconds of work was done slowly."""
        total = 0
        for i, (since, slow) in enumerate(self.slow):
            until = self.slow[i + 1][0] if i + 1 < len(self.slow) else now
            if slow:
                begin, end = (min(kept, self.cadence.worked(at - self.start)) for at in (since, until))
                total += end - begin
        return total
