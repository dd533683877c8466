"""Near-duplicates: the same scene again, and what only looks the same to a hash."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from skimage import data

from compoundeye.corpus import Corpus, CorpusError, _duplicates, duplicates, ingest

Groups = list[list[str]]


def groups(table: pa.Table) -> Groups:
    """Names of the files, group by group."""
    found: Groups = []
    for row in table.to_pylist():
        if row["group"] == len(found):
            found.append([])
        found[row["group"]].append(row["source"].rpartition("/")[2])
    return found


def corpus_of(folder: Path) -> Corpus:
    ingest([folder], folder.parent / "c.lance", workers=1)
    return Corpus.open(folder.parent / "c.lance")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    return place


def with_embeddings(store: Corpus, column: pa.Array) -> Corpus:
    """Embeddings for the rows in the order of their sources."""
    store.ensure_columns(pa.schema([pa.field("embedding", column.type), pa.field("embedding_by", pa.string())]))
    rows = store.dataset.to_table(columns=["source"], with_row_id=True).sort_by("source")
    values = pa.table({"_rowid": rows["_rowid"], "embedding": column, "embedding_by": ["m"] * len(column)})
    assert store.commit_columns([store.stage_columns(0, values)])
    return store.refresh()


def test_a_photograph_saved_again_and_again_is_one_group_the_original_first(folder: Path) -> None:
    for name in ("chelsea", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    cat = Image.fromarray(data.chelsea())
    cat.save(folder / "a messenger's.jpg", quality=30)
    cat.resize((225, 150)).save(folder / "a web page's.webp")
    ImageEnhance.Brightness(cat).enhance(1.1).save(folder / "brighter.jpg", quality=95)
    cat.convert("L").save(folder / "grey.jpg", quality=20)
    found = duplicates(corpus_of(folder))
    assert groups(found) == [["chelsea.png", *groups(found)[0][1:]]]
    assert set(groups(found)[0][1:]) == {"a messenger's.jpg", "a web page's.webp", "brighter.jpg", "grey.jpg"}
    assert found["distance"].to_pylist() == sorted(found["distance"].to_pylist())
    assert found["similarity"].null_count == found.num_rows


def test_plain_colours_share_a_hash_but_are_no_copies(folder: Path) -> None:
    for colour in ("white", "black", "red", "#eeeeee", "blue"):
        Image.new("RGB", (60, 40), colour).save(folder / f"{colour}.png")
        Image.new("RGB", (40, 30), colour).save(folder / f"{colour} small.jpg")
    store = corpus_of(folder)
    assert len(set(store.dataset.to_table(columns=["phash"])["phash"].to_pylist())) == 1
    pairs = [[f"{colour}.png", f"{colour} small.jpg"] for colour in ("white", "black", "red", "#eeeeee", "blue")]
    assert sorted(groups(duplicates(store))) == sorted(pairs)
    assert len(groups(duplicates(store, verify=False))) == 1


def test_pages_of_one_document_are_no_copies(folder: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["the", "invoice", "total", "amount", "of", "lorem", "ipsum", "a", "date", "to", "be", "paid"]
    for page in range(6):
        sheet = Image.new("RGB", (425, 550), "white")
        for line in range(40, 510, 12):
            text = " ".join(rng.choice(words, 11))
            ImageDraw.Draw(sheet).text((40, line), text, fill="black", font=ImageFont.load_default(9))
        sheet.save(folder / f"{page}.png")
        if page == 0:
            sheet.resize((340, 440)).save(folder / "0 scanned.jpg", quality=40)
    assert groups(duplicates(corpus_of(folder))) == [["0.png", "0 scanned.jpg"]]


def test_embeddings_reject_what_only_shares_a_hash(
    write_rows: Callable[..., Corpus], vectors: Callable[[Any], pa.Array], tmp_path: Path
) -> None:
    hashes = np.array([0xFFFFFFFF] * 5, np.uint64)
    look = vectors([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.9, 0.2], [np.nan] * 3])
    store = write_rows(tmp_path / "c", 5, phash=hashes, embedding=look, embedding_by=["m"] * 5)
    # The first two show one thing, the next two another; of the last nothing is known but its hash.
    found = duplicates(store)
    assert groups(found) == [["0000.jpg", "0001.jpg", "0004.jpg"], ["0002.jpg", "0003.jpg"]]
    cosines = found["similarity"].to_pylist()
    assert cosines[2] is None
    assert [round(cosines[place], 2) for place in (0, 1, 3, 4)] == [1.0, 0.99, 1.0, 0.98]
    assert len(groups(duplicates(store, verify=False))) == 1
    assert len(groups(duplicates(store, min_similarity=0.999))) == 1


def test_embeddings_of_two_models_are_not_compared(
    write_rows: Callable[..., Corpus], vectors: Callable[[Any], pa.Array], tmp_path: Path
) -> None:
    hashes, look = np.array([0xFFFFFFFF] * 3, np.uint64), vectors([[1, 0], [0, 1], [0, 1]])
    store = write_rows(tmp_path / "c", 3, phash=hashes, embedding=look, embedding_by=["m/1", "m/2", "m/1"])
    assert groups(duplicates(store)) == [["0000.jpg", "0001.jpg"]]


def test_the_best_has_most_pixels_then_most_bytes_then_came_first(
    write_rows: Callable[..., Corpus], tmp_path: Path
) -> None:
    store = write_rows(
        tmp_path / "c",
        5,
        phash=np.array([0xFFFFFFFF] * 5, np.uint64),
        width=[100, 100, 300, 200, 100],
        height=[100, 100, 10, 50, 100],
        bytes=[9, 9, 99, 5, 10],
    )
    assert groups(duplicates(store))[0][0] == "0004.jpg"
    sizes = duplicates(store).select(["width", "height"]).to_pylist()
    assert sizes[0] == {"width": 100, "height": 100}
    assert groups(duplicates(store, where="source <> 'folder/0004.jpg'"))[0][0] == "0000.jpg"


def test_a_chain_of_small_changes_is_cut_where_it_has_gone_too_far(
    write_rows: Callable[..., Corpus], tmp_path: Path
) -> None:
    # A slow pan: each frame differs from the last by two bits, the last from the first by twenty.
    hashes = np.array([0xFFFFFFFF << 32 ^ ((1 << 2 * frame) - 1) for frame in range(11)], np.uint64)
    store = write_rows(tmp_path / "c", 11, phash=hashes)
    found = duplicates(store, max_distance=6)
    assert [len(group) for group in groups(found)] == [4, 4, 3]
    assert max(found["distance"].to_pylist()) <= 6


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 15), max_size=4)), max_size=40),
    st.integers(0, 6),
    st.sampled_from([2, 5, 4_096]),
)
def test_equal_to_the_definition(
    tmp_path_factory: pytest.TempPathFactory,
    write_rows: Callable[..., Corpus],
    kinds: list[tuple[int, set[int]]],
    distance: int,
    batch: int,
) -> None:
    base = [0xFFFFFFFF, 0xFFFFFFFF << 16, 0xFFFFFFFF << 32, 0x5555555555555555]
    hashes = np.array([base[kind] ^ sum(1 << 4 * bit for bit in bits) for kind, bits in kinds], np.uint64)
    widths = [int(value % 5 + 1) for value in hashes.tolist()]
    store = write_rows(tmp_path_factory.mktemp("c") / "c", len(hashes), phash=hashes, width=widths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_duplicates, "_BATCH", batch)
        found = duplicates(store, max_distance=distance, verify=False)
    alive = sorted(range(len(hashes)), key=lambda row: (-widths[row], row))
    expected = []
    while alive:
        near = [row for row in alive if int(hashes[row] ^ hashes[alive[0]]).bit_count() <= distance]
        if len(near) > 1:
            expected.append((near[0], {f"{row:04d}.jpg" for row in near}))
        alive = [row for row in alive if row not in near]
    expected.sort(key=lambda group: (-len(group[1]), group[0]))
    assert [(int(group[0][:4]), set(group)) for group in groups(found)] == expected


@pytest.mark.parametrize("batch", [2, 4_096], ids=["larger than a batch", "within one"])
def test_evidence_is_the_same_however_many_are_read_at_a_time(
    batch: int, folder: Path, vectors: Callable[[Any], pa.Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_duplicates, "_BATCH", batch)
    for number, colour in enumerate(["white", "white", "black", "white", "black"]):
        Image.new("RGB", (60 + number, 40), colour).save(folder / f"{number}.png")
    store = with_embeddings(corpus_of(folder), vectors([[1, 0], [1, 0], [1, 0], [0, 1], [1, 0.1]]))
    assert groups(duplicates(store)) == [["3.png", "1.png", "0.png"], ["4.png", "2.png"]]


def test_progress_ends_at_all_candidates(folder: Path) -> None:
    for name in ("a.png", "b.jpg"):
        Image.fromarray(data.rocket()).save(folder / name)
    told = list[tuple[int, int | None]]()
    duplicates(corpus_of(folder), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)


def test_nothing_to_compare_gives_an_empty_table_of_the_same_columns(tmp_path: Path) -> None:
    found = duplicates(Corpus.create(tmp_path / "c"))
    assert found.num_rows == 0
    assert found.schema.names[:3] == ["group", "id", "distance"]


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    store = Corpus.create(tmp_path / "c")
    with pytest.raises(CorpusError, match="0 to 16 bits, not 40"):
        duplicates(store, max_distance=40)
    with pytest.raises(CorpusError, match="no column colour"):
        duplicates(store, where="colour = 'red'")


def test_a_damaged_thumbnail_is_no_crash(write_rows: Callable[..., Corpus], tmp_path: Path) -> None:
    white = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(white, "JPEG")
    store = write_rows(tmp_path / "c", 2, phash=np.zeros(2, np.uint64), thumbnail=[white.getvalue(), b"broken"])
    assert duplicates(store).num_rows == 0
