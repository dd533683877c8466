"""Events reach a real Mosquitto, whatever happens to it, to the network or to the process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Signal
from threading import Thread

import pytest
from scenes import crossing, keys, loitering
from servers import Listener, Mosquitto, mosquitto, program, wait_until

from compoundeye.events import open_sink
from compoundeye.records import EyeError

__all__ = ["mosquitto"]  # a fixture

ONE_AFTER_ANOTHER = """
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from scenes import crossing
from compoundeye.events import open_sink

sink = open_sink(sys.argv[1], spool=Path(sys.argv[2]))
number = int(sys.argv[4])
while True:
    sink.send([crossing(number)])
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    opened = Listener(mosquitto)
    yield opened
    opened.close()


def test_topics_payload_and_availability(mosquitto: Mosquitto, listener: Listener, tmp_path: Path) -> None:
    sink = open_sink(f"{mosquitto.address}/metro/north", spool=tmp_path)
    event = crossing(1, stream="gate/2 +#")
    sink.send([event])
    listener.wait_for(lambda: len(listener.events) == 1)
    topic, payload, retained = next(one for one in listener.heard if "/events/" in one[0])
    assert topic == "metro/north/events/gate%2F2 %2B%23/traffic/crossing"
    assert not retained
    assert json.loads(payload) == json.loads(json.dumps(event.as_dict()))
    sink.close()
    listener.wait_for(lambda: listener.said("metro/north/availability") == [b"online", b"offline"])
    late = Listener(mosquitto, "metro/north/availability")
    late.wait_for(lambda: late.heard == [("metro/north/availability", b"offline", True)])
    late.close()
    assert sink.status().waiting == 0


def test_the_broker_is_killed_five_times_in_the_middle_and_nothing_is_lost(
    mosquitto: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    """What a broker acknowledges, and what then goes down with it, is beyond whoever sent it. So it is killed when it
    holds nothing back: the listener is there again and has caught up, and has read all that was sent."""
    sink = open_sink(mosquitto.address, spool=tmp_path)
    stop, sent = Signal(), list[int]()

    def go_on() -> None:
        while not stop.is_set():
            # As much as sockets hold: else what is acknowledged would wait in the broker, and die with it.
            wait_until(lambda: stop.is_set() or sink.status().waiting < 20)
            sink.send([crossing(len(sent)), *loitering(f"who-{len(sent)}")])
            sent.append(len(sent))

    mosquitto.remember()
    walker = Thread(target=go_on)
    walker.start()
    for _ in range(5):
        heard = len(listener.events)
        listener.wait_for(lambda heard=heard: len(listener.events) > heard)
        enough = sink.status().accepted + 20
        listener.wait_for(lambda enough=enough: len(listener.once) > enough)
        mosquitto.freeze()
        listener.wait_for(listener.drained)
        mosquitto.kill()
        mosquitto.start()
    stop.set()
    walker.join()
    listener.wait_for(lambda: sink.status().waiting == 0)
    expected = [key for n in sent for key in [(f"gate-{n}", 0), *((f"who-{n}", revision) for revision in range(3))]]
    listener.wait_for(lambda: len(listener.once) == len(expected))
    assert list(listener.once) == expected
    sink.close()


def test_a_broker_that_ends_and_comes_back_is_told_of_what_happened_meanwhile(
    mosquitto: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    sink = open_sink(mosquitto.address, spool=tmp_path)
    sink.send([crossing(1)])
    listener.wait_for(lambda: len(listener.events) == 1)
    mosquitto.end()
    sink.send([crossing(2)])
    listener.wait_for(lambda: sink.status().error is not None)
    assert sink.status().waiting == 1
    assert mosquitto.address in str(sink.status().error)
    mosquitto.start()
    listener.wait_for(lambda: list(listener.once) == [("gate-1", 0), ("gate-2", 0)])
    listener.wait_for(lambda: sink.status().error is None)
    # Back without anything to send as well.
    mosquitto.end()
    mosquitto.start()
    listener.wait_for(lambda: listener.said("compoundeye/availability").count(b"online") >= 3)
    sink.close()


def test_a_process_that_is_killed_leaves_its_events_and_its_will(
    mosquitto: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    def started(first: int) -> subprocess.Popen[str]:
        here = str(Path(__file__).parent)
        arguments = [sys.executable, "-c", ONE_AFTER_ANOTHER, mosquitto.address, str(tmp_path), here, str(first)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    accepted = 0
    for _ in range(3):
        with started(accepted) as process:
            assert process.stdout is not None
            for _ in range(40):
                accepted = int(process.stdout.readline()) + 1
            process.send_signal(signal.SIGKILL)
            # What it had accepted before it died but had not said yet counts as well.
            accepted = max([accepted, *(int(line) + 1 for line in process.stdout if line.endswith("\n"))])
    listener.wait_for(lambda: listener.said("compoundeye/availability").count(b"offline") >= 3)  # the will
    sink = open_sink(mosquitto.address, spool=tmp_path)
    listener.wait_for(lambda: sink.status().waiting == 0)
    listener.wait_for(lambda: {f"gate-{n}" for n in range(accepted)} <= {event.id for event in listener.events})
    sink.close()


def test_two_processes_to_one_broker_take_turns(mosquitto: Mosquitto, listener: Listener, tmp_path: Path) -> None:
    first = open_sink(mosquitto.address, spool=tmp_path)
    first.send([crossing(1)])
    listener.wait_for(lambda: len(listener.events) == 1)
    second = open_sink(mosquitto.address, spool=tmp_path)
    second.send([crossing(2)])
    listener.wait_for(lambda: len(listener.events) == 2)  # the first one brings it
    first.close()
    second.send([crossing(3)])
    listener.wait_for(lambda: keys(listener.events) == [("gate-1", 0), ("gate-2", 0), ("gate-3", 0)])
    second.close()


def test_who_subscribes_late_sees_what_lasts_still(mosquitto: Mosquitto, listener: Listener, tmp_path: Path) -> None:
    sink = open_sink(f"{mosquitto.address}#retain=open", spool=tmp_path)
    sink.send([*loitering("gone"), *loitering("here", ends=False), crossing(1)])
    listener.wait_for(lambda: len(listener.events) == 6)
    late = Listener(mosquitto, "compoundeye/open/#")
    late.wait_for(lambda: len(late.heard) == 1)
    topic, payload, retained = late.heard[0]
    assert topic == "compoundeye/open/gate/traffic/loitering/here"
    assert json.loads(payload)["revision"] == 1
    assert retained
    late.close()
    sink.close()


def test_a_wrong_password_is_told_and_nothing_is_lost_until_it_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    subprocess.run([program("mosquitto_passwd"), "-c", "-b", folder / "users", "eye", "open sesame"], check=True)
    broker = Mosquitto(program("mosquitto"), folder, more=f"password_file {folder / 'users'}")
    listener = Listener(broker, user=("eye", "open sesame"))
    try:
        address = broker.address.replace("mqtt://", "mqtt://eye:wrong@")
        sink = open_sink(address, spool=tmp_path / "spool")
        sink.send([crossing(1)])
        listener.wait_for(lambda: "Not authorized" in (sink.status().error or ""))
        sink.close()
        assert sink.status().waiting == 1
        assert "wrong" not in sink.status().address
        secret = tmp_path / "password"
        secret.write_text("open sesame\n")
        address = broker.address.replace("mqtt://", "mqtt://eye@") + f"#password_file={secret}"
        sink = open_sink(address, spool=tmp_path / "spool")
        listener.wait_for(lambda: keys(listener.events) == [("gate-1", 0)])
        sink.close()
    finally:
        listener.close()
        broker.kill()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mqtt://", "needs a host"),
        ("mqtt://host:port", "cannot be read"),
        ("mqtt://host/a+b", r"may not hold \+ or #"),
        ("mqtt://host#retain=all", "retain must be open"),
        ("mqtt://host#colour=red", "knows no option colour; after # there may be password_file"),
        ("mqtt://host#password_file=/no/such/file", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be(address: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(EyeError, match=said):
        open_sink(address, spool=tmp_path)
