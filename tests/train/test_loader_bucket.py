"""The loader on a corpus in a bucket: an S3 server on this machine stands in for it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from pyarrow import fs

from compoundeye.corpus import Corpus, ingest, training_order
from compoundeye.train import Loader, View

COUNT = 30


def test_batches_from_a_bucket(s3, tmp_path):
    options = {"endpoint_override": s3, "scheme": "http", "region": "us-east-1"}
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
