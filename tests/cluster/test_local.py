"""One ordered, bounded map over processes that may be killed at any time."""

from __future__ import annotations

import importlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from compoundeye.cluster import Engine, Local, WorkerError, available_cores
from compoundeye.cluster._processes import Worker, WorkerDied
from compoundeye.records import EyeError

PATIENCE_S = 120  # so that a defect fails instead of hanging; nothing waits this long


@pytest.fixture
def work() -> ModuleType:
    return importlib.import_module("shard_work")


def ended(reader: int) -> bool:
    """Whether the last process that held the other end of a pipe has gone."""
    ready, _, _ = select.select([reader], [], [], PATIENCE_S)
    return bool(ready) and os.read(reader, 1) == b""


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_shards(work: ModuleType, workers: int) -> None:
    engine: Engine = Local(workers)
    assert list(engine.map(work.square, range(20))) == [number**2 for number in range(20)]


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_shard_starts_no_process(work: ModuleType, count: int) -> None:
    assert set(Local(4).map(work.process, range(count))) <= {os.getpid()}


def test_one_worker_is_this_process_and_several_are_others(work: ModuleType) -> None:
    assert set(Local(1).map(work.process, range(5))) == {os.getpid()}
    assert os.getpid() not in set(Local(2).map(work.process, range(5)))


def test_shards_are_pulled_only_as_workers_become_free(work: ModuleType) -> None:
    pulled = 0

    def shards() -> Iterator[int]:
        nonlocal pulled
        for number in range(10_000):
            pulled += 1
            yield number

    results = Local(2).map(work.square, shards())
    for done in range(1, 6):
        next(results)
        assert pulled <= done + 2 * 2
    results.close()  # type: ignore[attr-defined]


def test_an_exception_in_the_work_reaches_the_caller_as_it_is(work: ModuleType) -> None:
    results = Local(2).map(work.refuse, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three is not welcome"):
        next(results)


def test_an_exception_in_the_shards_reaches_the_caller_as_it_is(work: ModuleType) -> None:
    def shards() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="the disk went away"):
        list(Local(2).map(work.square, shards()))


def test_a_worker_that_is_killed_costs_a_retry_and_no_result(work: ModuleType, tmp_path: Path) -> None:
    names = ["a", "deadly 1", "b", "c", "deadly 2", "d"]
    assert list(Local(2).map(work.die_once, [str(tmp_path / name) for name in names])) == names


def test_a_shard_that_always_kills_its_worker_ends_in_one_sentence(work: ModuleType) -> None:
    results = Local(2).map(work.die_on_13, [(1,), (2,), (13,), (4,)])
    assert [next(results), next(results)] == [(1,), (2,)]
    with pytest.raises(WorkerError, match=r"killed 3 times on the same shard .* run the same command again"):
        next(results)


def test_the_guilty_part_of_a_shard_is_found_and_all_else_is_done(work: ModuleType) -> None:
    def smaller(numbers: tuple[int, ...]) -> list[tuple[int, ...]]:
        half = len(numbers) // 2
        return [numbers[:half], numbers[half:]] if half else [(-numbers[0],)]

    shards = [tuple(range(first, first + 4)) for first in range(0, 24, 4)]
    done = [number for part in Local(2).map(work.die_on_13, shards, smaller=smaller) for number in part]
    assert done == [-13 if number == 13 else number for number in range(24)]


def test_a_shard_that_cannot_be_made_smaller_is_given_up(work: ModuleType) -> None:
    with pytest.raises(WorkerError):
        list(Local(2).map(work.die_on_13, [(13,), (2,)], smaller=lambda _: ()))


def test_a_caller_that_stops_early_stops_the_workers(work: ModuleType, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    results = Local(2).map(work.hold, ["", str(tmp_path / "held"), ""])
    assert next(results) == ""
    with open(tmp_path / "held", "rb") as held:
        results.close()  # type: ignore[attr-defined]
        assert ended(held.fileno())


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from compoundeye.cluster import Local\n"
        "from shard_work import hold\n"
        f"list(Local(2).map(hold, [{str(tmp_path / 'held')!r}] * 2))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    with open(tmp_path / "held", "rb") as held:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert ended(held.fileno())


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "plain.py"
    script.write_text(
        "from compoundeye.cluster import Local\nprint('begun')\nprint(list(Local(2).map(abs, [-1, -2, -3])))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["begun", "[1, 2, 3]"]
    assert done.stderr == ""


def test_a_worker_killed_while_it_sends_a_result_is_noticed(work: ModuleType) -> None:
    worker = Worker()
    worker.send(work.large, 32)
    assert worker.connection.poll(PATIENCE_S)  # it has begun to send, and cannot end while nobody reads
    worker._process.kill()
    with pytest.raises(WorkerDied):
        worker.result()
    worker.stop()


def test_a_worker_can_be_stopped_while_it_sends_a_result(work: ModuleType) -> None:
    results = Local(2).map(work.large, [0, 32, 32, 32])
    assert next(results) == b""
    results.close()  # type: ignore[attr-defined]


def test_results_larger_than_a_pipe_come_whole(work: ModuleType) -> None:
    assert [len(result) >> 20 for result in Local(2).map(work.large, [3, 0, 2, 1])] == [3, 0, 2, 1]


@pytest.mark.parametrize("name", ["raise_with_lambda", "raise_stranger"])
def test_an_exception_that_cannot_travel_still_tells_what_happened(work: ModuleType, name: str) -> None:
    with pytest.raises(RuntimeError, match=r"raise (ValueError|StrangerError)"):
        list(Local(2).map(getattr(work, name), [1, 2]))


def test_an_exception_tells_where_in_the_worker_it_was_raised(work: ModuleType) -> None:
    with pytest.raises(ValueError, match="three") as caught:
        list(Local(2).map(work.refuse, [3, 4]))
    assert any("shard_work.py" in note for note in caught.value.__notes__)


def test_a_shard_that_cannot_be_received_is_an_error_and_not_a_silence(work: ModuleType) -> None:
    with pytest.raises(ValueError, match="no number"):
        list(Local(2).map(work.square, [1, 2, work.Unreadable()]))


@pytest.mark.parametrize("options", [{"workers": 0}, {"workers": 2, "retries": 0}])
def test_numbers_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(EyeError, match="must be at least 1, not 0"):
        Local(**options)


def test_cores_are_those_this_process_may_use() -> None:
    assert available_cores() == len(os.sched_getaffinity(0))
    assert Local().workers == available_cores()
