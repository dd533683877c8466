"""Jobs with real processes: started, stopped, killed and resumed, they outlive consoles, and do as the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from compoundeye.categorise import categorise
from compoundeye.console._app import application
from compoundeye.console._job_watch import Watch
from compoundeye.console._jobs import AT_ONCE, Jobs
from compoundeye.console._refusals import Conflict, NotFound
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus, ingest
from compoundeye.models import home

HERE = "http://127.0.0.1"
MANY, LONG_S = 3_000, 120.0
PICKED = {"X-CompoundEye": "1"}


def draw(folder: Path, count: int) -> Path:
    """Pictures that take a millisecond or two each: a few looks, told apart by a comment; a copy and a wreck."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(count)
    looks = []
    for _ in range(8):
        coarse, data = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8)), BytesIO()
        coarse.resize((1280, 960)).save(data, "JPEG")
        looks.append(data.getvalue())
    for number in range(count):
        look, comment = looks[number % len(looks)], b"%06d" % number
        marked = look[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + look[2:]
        (folder / f"{number:05d}.jpg").write_bytes(marked)
    (folder / "again.jpg").write_bytes((folder / "00000.jpg").read_bytes())
    (folder / "wreck.jpg").write_bytes((folder / "00001.jpg").read_bytes()[:3000])
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("root") / "many", MANY)


@pytest.fixture(scope="module")
def unbroken(many: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bytes, tuple[Any, ...]]:
    """What a corpus of them holds that the command made in one go."""
    return by_the_command(many, tmp_path_factory.mktemp("unbroken") / "plain.lance")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return draw(tmp_path / "few", 12)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with the weights that this machine has."""
    (home() / "weights").mkdir(parents=True, exist_ok=True)
    made = tmp_path / "home"
    made.mkdir()
    (made / "weights").symlink_to(home() / "weights")
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(made))
    return made


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    return Corpus.create(tmp_path / "cats.lance").path


@pytest.fixture
def client(own_home: Path, corpus: str, few: Path, many: Path) -> Iterator[TestClient]:
    with console(corpus, few, many) as made:
        yield made
        end_all(made)
    assert (own_home / "jobs").is_dir()


def console(corpus: str, *roots: Path) -> TestClient:
    return TestClient(application(Served((corpus,), roots=tuple(map(str, roots)))), base_url=HERE, headers=PICKED)


def end_all(client: TestClient | httpx.Client) -> None:
    """No test leaves a process behind."""
    for job in client.get("/api/v1/jobs").json()["items"]:
        if job["state"] in ("running", "stopping"):
            client.post(f"/api/v1/jobs/{job['id']}/stop", params={"kill": True})
            until(client, job["id"], ended)


def begin(client: TestClient | httpx.Client, **asked: Any) -> str:
    answer = client.post("/api/v1/jobs", json={"corpus": "cats", **asked})
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] in ("running", "done")
    return str(answer.json()["id"])


def until(client: TestClient | httpx.Client, job: str, when: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The job as soon as it is so; asked again and again, without an assumption of how long that takes."""
    give_up = time.monotonic() + LONG_S
    while time.monotonic() < give_up:
        found: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        if when(found):
            return found
        time.sleep(0.02)  # the processor is for what is waited for
    raise AssertionError(f"never came: {found}")


def ended(job: dict[str, Any]) -> bool:
    return job["state"] not in ("running", "stopping")


def half_way(job: dict[str, Any]) -> bool:
    return bool(job["progress"]) and 0 < job["progress"]["done"] < MANY


def processes(own_home: Path, job: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((own_home / "jobs" / job / "process.json").read_text())
    return found


def pictures(path: str) -> dict[bytes, tuple[Any, ...]]:
    """What a corpus holds, but for when."""
    rows = Corpus.open(path).dataset.to_table(columns=["id", "source", "bytes", "image"]).to_pylist()
    found = {row["id"]: (row["source"], row["bytes"], row["image"]) for row in rows}
    assert len(found) == len(rows)
    return found


def by_the_command(folder: Path, path: Path) -> dict[bytes, tuple[Any, ...]]:
    account = ingest(folder, path)
    found = pictures(str(path))
    assert (account.done, account.duplicate, account.failed) == (len(found), 1, 1)
    return found


def test_an_ingest_does_what_the_command_does(client: TestClient, few: Path, corpus: str, tmp_path: Path) -> None:
    job = begin(client, kind="ingest", sources=[str(few)])
    done = until(client, job, ended)
    assert (done["state"], done["error"], done["starts"], done["corpus"]) == ("done", None, 1, "cats")
    assert done["arguments"] == ["ingest", "--json", "--", str(few), corpus]
    found = done["outcome"]
    assert (found["seen"], found["done"], found["duplicate"], found["failed"]) == (14, 12, 1, 1)
    assert [(one["outcome"], one["pictures"]) for one in found["reasons"]] == [("failed", 1)]
    assert (done["progress"]["done"], done["progress"]["total"], done["progress"]["unit"]) == (14, 14, "pictures")
    failed = client.get(f"/api/v1/jobs/{job}/failures").json()
    assert [one["source"] for one in failed["items"]] == [f"{few}/wreck.jpg"]
    assert (failed["items"][0]["reason"].partition(":")[0], failed["more"]) == (found["reasons"][0]["reason"], False)
    log = client.get(f"/api/v1/jobs/{job}/log").json()
    assert f"eye ingest --json -- {few} {corpus}" in log["text"]
    assert client.get(f"/api/v1/jobs/{job}/log", params={"start": log["end"]}).json()["text"] == ""
    assert pictures(corpus) == by_the_command(few, tmp_path / "plain.lance")


def test_a_categorise_says_what_the_command_says(client: TestClient, few: Path, corpus: str, tmp_path: Path) -> None:
    ingest(few, corpus)
    ingest(few, tmp_path / "plain.lance")
    done = until(client, begin(client, kind="categorise", precision=0.5, workers=1), ended)
    assert done["state"] == "done", done["error"]
    report = categorise(tmp_path / "plain.lance", precision=0.5, workers=1)
    found = done["outcome"]
    assert (found["seen"], found["done"], found["abstained"]) == (12, report.account.done, report.account.abstained)
    columns = ["id", "category", "category_confidence", "category_state"]
    tables = [Corpus.open(path).dataset.to_table(columns=columns) for path in (corpus, tmp_path / "plain.lance")]
    assert tables[0].sort_by("id").equals(tables[1].sort_by("id"))


def test_stopped_and_resumed_the_corpus_is_that_of_an_unbroken_run(
    client: TestClient, many: Path, corpus: str, unbroken: dict[bytes, tuple[Any, ...]]
) -> None:
    job = begin(client, kind="ingest", sources=[str(many)], workers=1)
    seen = until(client, job, half_way)
    assert (seen["state"], seen["progress"]["label"]) == ("running", "ingest")
    assert client.post(f"/api/v1/jobs/{job}/stop").json()["state"] in ("stopping", "stopped")
    stopped = until(client, job, ended)
    assert (stopped["state"], stopped["error"], stopped["outcome"]) == ("stopped", None, None)
    kept = Corpus.open(corpus).rows
    assert 0 < kept < MANY
    assert client.post(f"/api/v1/jobs/{job}/stop").status_code == 409
    again = client.post(f"/api/v1/jobs/{job}/resume").json()
    assert (again["id"], again["starts"]) == (job, 2)
    done = until(client, job, ended)
    assert (done["state"], done["outcome"]["known"] >= kept) == ("done", True)
    assert client.get(f"/api/v1/jobs/{job}/log").json()["text"].count("UTC] eye ingest") == 2
    assert pictures(corpus) == unbroken


def test_killed_it_is_noticed_and_goes_on(
    client: TestClient, own_home: Path, many: Path, corpus: str, unbroken: dict[bytes, tuple[Any, ...]]
) -> None:
    job = begin(client, kind="ingest", sources=[str(many)], workers=1)
    until(client, job, half_way)
    os.kill(processes(own_home, job)["command"]["pid"], signal.SIGKILL)
    killed = until(client, job, ended)
    assert (killed["state"], "SIGKILL" in killed["error"]) == ("killed", True)
    client.post(f"/api/v1/jobs/{job}/resume")
    until(client, job, lambda found: half_way(found) or ended(found))
    os.killpg(processes(own_home, job)["runner"]["pid"], signal.SIGKILL)  # as when the machine is switched off
    killed = until(client, job, ended)
    assert (killed["state"], killed["error"][:15]) == ("killed", "its process is "), killed
    client.post(f"/api/v1/jobs/{job}/resume")
    assert until(client, job, ended)["state"] == "done"
    assert pictures(corpus) == unbroken


def test_without_its_runner_a_job_is_still_one_that_runs(client: TestClient, own_home: Path, many: Path) -> None:
    job = begin(client, kind="ingest", sources=[str(many)], workers=1)
    os.kill(processes(own_home, job)["runner"]["pid"], signal.SIGKILL)
    assert until(client, job, half_way)["state"] == "running"
    assert client.post(f"/api/v1/jobs/{job}/resume").status_code == 409
    done = until(client, job, ended)
    assert (done["state"], done["outcome"]["done"]) == ("done", MANY)


def test_a_console_in_the_background_of_a_script_can_stop_its_jobs(tmp_path: Path, many: Path, corpus: str) -> None:
    jobs = Jobs(tmp_path / "jobs")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a shell gives to `eye console &`
    try:
        job = jobs.begin("ingest", "x", corpus, ["ingest", "--workers=1", "--", str(many), corpus], {}, "ann").id
        jobs.stop(job, "ann")
        wait_for_end(jobs, job)
    finally:
        signal.signal(signal.SIGINT, before)
    assert jobs.get(job).state == "stopped"
    assert Corpus.open(corpus).rows < MANY


def test_one_that_does_not_listen_can_be_killed(client: TestClient, own_home: Path, many: Path) -> None:
    job = begin(client, kind="ingest", sources=[str(many)], workers=1)
    pid = processes(own_home, job)["command"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert client.post(f"/api/v1/jobs/{job}/stop").json()["state"] == "stopping"
    assert client.post(f"/api/v1/jobs/{job}/stop", params={"kill": True}).status_code == 200
    killed = until(client, job, ended)
    assert (killed["state"], killed["error"]) == ("killed", "it was killed because somebody asked for that")


def test_a_mistake_is_told_in_a_sentence(client: TestClient) -> None:
    job = begin(client, kind="categorise", way="corrections")
    failed = until(client, job, ended)
    assert failed["state"] == "failed"
    assert failed["error"]
    assert "Traceback" not in failed["error"]
    assert f"error: {failed['error']}" in client.get(f"/api/v1/jobs/{job}/log").json()["text"]


def test_jobs_do_not_get_in_each_others_way(client: TestClient, many: Path, few: Path) -> None:
    first = begin(client, kind="ingest", sources=[str(many)], workers=1)
    second = client.post("/api/v1/jobs", json={"kind": "ingest", "corpus": "cats", "sources": [str(few)]})
    assert (second.status_code, "at work on this corpus" in second.json()["error"]) == (409, True)
    assert client.delete(f"/api/v1/jobs/{first}").status_code == 409
    client.post(f"/api/v1/jobs/{first}/stop")
    until(client, first, ended)
    assert client.delete(f"/api/v1/jobs/{first}").status_code == 204
    assert client.get(f"/api/v1/jobs/{first}").status_code == 404


def test_only_so_many_run_at_once(tmp_path: Path, many: Path) -> None:
    jobs = Jobs(tmp_path / "jobs")
    begun = []
    for number in range(AT_ONCE):
        path = Corpus.create(tmp_path / f"{number}.lance").path
        begun.append(jobs.begin("ingest", "x", path, ["ingest", "--workers=1", "--", str(many), path], {}, "ann"))
    with pytest.raises(Conflict, match="jobs are running"):
        jobs.begin("ingest", "x", str(tmp_path / "more.lance"), ["ingest"], {}, "ann")
    for job in begun:
        jobs.stop(job.id, "ann", kill=True)
        wait_for_end(jobs, job.id)


def test_of_two_that_resume_one_does(tmp_path: Path, many: Path, corpus: str) -> None:
    consoles = [Jobs(tmp_path / "jobs"), Jobs(tmp_path / "jobs")]
    words = ["ingest", "--workers=1", "--", str(many), corpus]
    job = consoles[0].begin("ingest", "x", corpus, words, {}, "ann").id
    consoles[1].stop(job, "ben", kill=True)
    wait_for_end(consoles[0], job)

    def resume(jobs: Jobs) -> str:
        try:
            return jobs.resume(job, words).state
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(resume, consoles)) == ["refused", "running"]
    consoles[0].stop(job, "ann", kill=True)
    wait_for_end(consoles[1], job)


def test_jobs_outlive_the_console_and_two_consoles_agree(
    own_home: Path, corpus: str, many: Path, unbroken: dict[bytes, tuple[Any, ...]]
) -> None:
    with real_console(corpus, many, signal.SIGKILL) as first:
        job = begin(first, kind="ingest", sources=[str(many)], workers=1)
        until(first, job, half_way)
        command = processes(own_home, job)["command"]["pid"]
        os.kill(command, signal.SIGSTOP)  # however long the next console takes to start, the job is half way then
    with real_console(corpus, many, signal.SIGINT) as second, console(corpus, many) as third:
        assert second.get(f"/api/v1/jobs/{job}").json()["state"] == "running"
        listed = [client.get("/api/v1/jobs").json()["items"] for client in (second, third)]
        assert [one["id"] for one in listed[0]] == [one["id"] for one in listed[1]] == [job]
        third.post(f"/api/v1/jobs/{job}/stop")  # begun by the first, stopped by the third, resumed by the second
        os.kill(command, signal.SIGCONT)
        assert until(second, job, ended)["state"] == "stopped"
        second.post(f"/api/v1/jobs/{job}/resume")
        assert until(third, job, ended)["state"] == "done"
    assert pictures(corpus) == unbroken


class real_console:  # noqa: N801  # used as a function
    """A server in a process of its own; it ends by a signal."""

    def __init__(self, corpus: str, root: Path, end: signal.Signals) -> None:
        self.end = end
        words = ["console", corpus, "--port", "0", "--no-open", "--json", "--root", str(root)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compoundeye.cli", *words], stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> httpx.Client:
        assert self.process.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, "the console ended"
            said += line
        self.client = httpx.Client(base_url=json.loads(said)["address"], headers=PICKED, timeout=60)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.send_signal(self.end)
        self.process.communicate()


@pytest.mark.usefixtures("own_home")
def test_changes_are_told_as_they_happen(corpus: str, few: Path) -> None:
    with real_console(corpus, few, signal.SIGINT) as client:
        job = begin(client, kind="ingest", sources=[str(few)])
        states = []
        with client.stream("GET", "/api/v1/jobs/events", params={"id": job}) as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            for line in events.iter_lines():
                if line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    assert told["id"] == job
                    states.append(told["state"])
                    if states[-1] not in ("running", "stopping"):
                        break
        assert states[-1] == "done"
        with client.stream("GET", "/api/v1/jobs/events") as events:
            lines = events.iter_lines()
            assert next(line for line in lines if line.startswith("event: ")) == "event: job"
            client.delete(f"/api/v1/jobs/{job}")
            assert next(line for line in lines if line == "event: gone")
            assert next(lines) == f'data: "{job}"'


def test_pages_and_lists(client: TestClient, own_home: Path, few: Path, corpus: str) -> None:
    assert "Add pictures" in client.get("/jobs").text
    ids = []
    for kind in ("a", "b", "c"):
        begun = Jobs(own_home / "jobs").begin(kind, f"<b>{few}</b>", corpus, ["--version"], {}, "ann")
        ids.append(begun.id)
    first = client.get("/api/v1/jobs", params={"limit": 2}).json()
    rest = client.get("/api/v1/jobs", params={"limit": 2, "after": first["next"]}).json()
    assert {one["id"] for one in first["items"] + rest["items"]} == set(ids)
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    page = client.get(f"/jobs/{ids[0]}")
    assert (page.status_code, f"&lt;b&gt;{few}" in page.text, "<b>" in page.text) == (200, True, False)
    for nothing in ("20260301-140512-0123abcd", "..%2f..", "x" * 300, "%00"):
        assert client.get(f"/jobs/{nothing}").status_code == 404
        assert client.get(f"/api/v1/jobs/{nothing}").status_code == 404
        assert client.post(f"/api/v1/jobs/{nothing}/stop").status_code == 404
        assert client.delete(f"/api/v1/jobs/{nothing}").status_code == 404


def test_folders_of_the_server_are_shown_below_the_roots_alone(client: TestClient, few: Path, many: Path) -> None:
    (few / "deeper").mkdir()
    roots = client.get("/api/v1/jobs/places").json()
    assert roots["folders"] == [str(few), str(many)]
    there = client.get("/api/v1/jobs/places", params={"path": str(few)}).json()
    assert (there["folders"], there["files"], there["parent"]) == (["deeper"], 14, None)
    below = client.get("/api/v1/jobs/places", params={"path": str(few / "deeper")}).json()
    assert below["parent"] == str(few)
    assert client.get("/api/v1/jobs/places", params={"path": str(few.parent)}).status_code == 403
    assert client.get("/api/v1/jobs/places", params={"path": f"{few}/00000.jpg"}).status_code == 422


def test_what_is_refused_leaves_no_job(client: TestClient, own_home: Path, few: Path) -> None:
    ingest_few = {"kind": "ingest", "corpus": "cats", "sources": [str(few)]}
    for asked, code in [
        (ingest_few | {"sources": ["/etc"]}, 403),
        (ingest_few | {"sources": [f"{few}/../many/../../../etc"]}, 403),
        (ingest_few | {"sources": ["--retry-failed"]}, 422),
        (ingest_few | {"sources": [f"{few}/nothing"]}, 422),
        (ingest_few | {"corpus": "/etc"}, 404),
        (ingest_few | {"arguments": ["--help"]}, 422),
        (ingest_few | {"kind": "export"}, 422),
        ({"kind": "categorise", "corpus": "cats", "model": "--help"}, 422),
        ({"kind": "categorise", "corpus": "cats", "way": "examples", "examples": "/root"}, 403),
    ]:
        answer = client.post("/api/v1/jobs", json=asked)
        assert (answer.status_code, list(answer.json())) == (code, ["error"]), asked
    forged = client.post("/api/v1/jobs", json=ingest_few, headers={"X-CompoundEye": ""})
    assert forged.status_code == 403
    assert client.get("/api/v1/jobs").json() == {"items": [], "next": None}
    assert [one.name for one in (own_home / "jobs").iterdir() if one.is_dir()] == []


def test_the_watch_sees_the_newest_and_all_that_run(
    tmp_path: Path, many: Path, corpus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compoundeye.console._job_watch.SHOWN", 1)
    monkeypatch.setattr("compoundeye.console._job_watch.EVERY_S", 0.0)
    jobs = Jobs(tmp_path / "jobs")
    watch = Watch(jobs)
    runs = jobs.begin("ingest", "x", corpus, ["ingest", "--workers=1", "--", str(many), corpus], {}, "ann").id
    for kind in ("a", "b"):
        newest = jobs.begin(kind, "x", corpus, ["--version"], {}, "ann").id
        wait_for_end(jobs, newest)
        os.rename(tmp_path / "jobs" / newest, tmp_path / "jobs" / f"99990101-00000{ord(kind) % 10}-0123abcd")
    assert set(watch.look()) == {"99990101-000008-0123abcd", runs}
    jobs.stop(runs, "ann", kill=True)
    wait_for_end(jobs, runs)
    assert set(watch.look()) == {"99990101-000008-0123abcd"}
    assert watch.one(runs)[runs].state == "killed"
    assert watch.one("20260301-140512-0123abcd") == {}


def test_old_jobs_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: str) -> None:
    monkeypatch.setattr("compoundeye.console._jobs.KEPT", 2)
    jobs = Jobs(tmp_path / "jobs")
    begun = []
    for _ in range(4):
        begun.append(jobs.begin("ingest", "x", corpus, ["--version"], {}, "ann").id)
        wait_for_end(jobs, begun[-1])
    assert {job.id for job in jobs.all()} <= set(begun)
    assert len(jobs.all()) == 2
    with pytest.raises(NotFound):
        jobs.log("../../etc/passwd", None, 10)


def wait_for_end(jobs: Jobs, id: str) -> None:  # noqa: A002
    give_up = time.monotonic() + LONG_S
    while jobs.get(id).alive:
        assert time.monotonic() < give_up
