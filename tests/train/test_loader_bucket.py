"""The loader on a corpus in a bucket: an S3 server on this machine stands in for it."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from pyarrow import fs

from compoundeye.corpus import Corpus, ingest, training_order
from compoundeye.train import Loader, View

SERVER = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
COUNT = 30


@pytest.fixture
def port():
    """An S3 server in a process of its own; it ends when its standard input does."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.communicate("")


def test_batches_from_a_bucket(port, tmp_path, monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    options = {"endpoint_override": f"127.0.0.1:{port}", "scheme": "http", "region": "us-east-1"}
    fs.S3FileSystem(allow_bucket_creation=True, **options).create_dir("training")
    for number in range(COUNT):
        file = io.BytesIO()
        Image.new("RGB", (20, 16), (number, 9, 9)).save(file, "PNG")
        (tmp_path / f"{number:02d}.png").write_bytes(file.getvalue())
    ingest(tmp_path, "s3://training/corpus", workers=1)
    corpus = Corpus.open("s3://training/corpus")
    view = View(size=8, crop="whole", flip=False)
    with Loader(training_order(corpus, seed=1), [corpus], None, view, batch=7) as loader:
        reds = np.concatenate([batch.pixels[:, 0, 0, 0] for batch in loader])
    assert sorted(reds.tolist()) == list(range(COUNT))
    assert loader.account.check().done == COUNT
