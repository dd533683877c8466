"""A corpus on disk or in a bucket: a Lance dataset of pictures, and beside it the ledger of every input."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pyarrow.compute as pc
from lance.commit import CommitConflictError
from lance.dataset import LanceOperation
from lance.fragment import FragmentMetadata

from compoundeye.corpus._error import CorpusError, storage_errors
from compoundeye.corpus._journal import Journal
from compoundeye.corpus._lock import writer_lock
from compoundeye.corpus._lookup import UNINDEXED_ROWS, keep_indexed, rows_with_keys
from compoundeye.corpus._schema import FORMAT, INPUTS, PICTURES

LEDGER = "_inputs.lance"


@dataclass(frozen=True, slots=True)
class StagedColumns:
    """New values of columns of one fragment: written, durable, and invisible until committed. Picklable."""

    fragment_id: int
    fragment: str
    """FragmentMetadata as JSON."""
    fields_modified: tuple[int, ...]


class Corpus:
    """Pictures, each stored once, with whatever has been learnt about them as columns.

    A plain Lance dataset: ``lance.dataset(path)`` opens it without us. Values here are of one version;
    `refresh` moves to the newest.
    """

    def __init__(self, path: str, dataset: lance.LanceDataset, inputs: lance.LanceDataset) -> None:
        self.path = path
        self.dataset = dataset
        self.inputs = inputs
        self._journal = Journal(path)
        self._unindexed = UNINDEXED_ROWS  # not known yet: find out at the first append

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, version: int | None = None) -> Corpus:
        """Open an existing corpus, at its newest version unless told otherwise.

        Raises:
            CorpusError: there is none at ``path``, it has no such version, or a newer CompoundEye made it.
        """
        where = _expand(path)
        _refuse_file(where)
        try:
            inputs = lance.dataset(f"{where}/{LEDGER}")
            dataset = lance.dataset(where, version=version)
        except (ValueError, OSError) as error:
            if version is not None and _exists(where):
                raise CorpusError(f"{where} has no version {version}; `eye account` shows the newest") from error
            raise CorpusError(f"no corpus at {where}; make one with `eye ingest FOLDER {where}`") from error
        found = (dataset.schema.metadata or {}).get(b"compoundeye.format", b"").decode()
        if found != FORMAT:
            raise CorpusError(f"{where} has corpus format {found or 'none'}, this version reads format {FORMAT}")
        return cls(where, dataset, inputs)

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Corpus:
        """Open the corpus at ``path``, or make an empty one.

        Raises:
            CorpusError: something else is there, or nothing can be written there.
        """
        where = _expand(path)
        _refuse_file(where)
        with storage_errors(where):
            # The ledger comes first: whoever sees the pictures finds it there too.
            for uri, schema in ((f"{where}/{LEDGER}", INPUTS), (where, PICTURES)):
                if not _exists(uri):
                    _check_place(uri)
                    lance.write_dataset(schema.empty_table(), uri, schema=schema, mode="create")
        return cls.open(where)

    @property
    def version(self) -> int:
        """The Lance version these values are of; grows with each commit."""
        return int(self.dataset.version)

    @property
    def rows(self) -> int:
        """Pictures stored."""
        return int(self.dataset.count_rows())

    def refresh(self) -> Corpus:
        """Move to the newest version; returns self."""
        # In this order: no input is called stored whose picture this version does not hold.
        self.inputs.checkout_latest()
        self.dataset.checkout_latest()
        return self

    def has_column(self, name: str) -> bool:
        """Whether a column stands in the schema (its values may still be null)."""
        return name in self.dataset.schema.names

    def pictures_by_id(self, ids: Sequence[bytes], columns: Sequence[str] = ("id",)) -> pa.Table:
        """Rows of the given picture ids, in no order; ids that are not here are absent."""
        return rows_with_keys(self.dataset, "id", ids, list(columns))

    def inputs_by_key(self, keys: Sequence[bytes], columns: Sequence[str] = ("key", "outcome")) -> pa.Table:
        """Ledger rows of the given input keys."""
        return rows_with_keys(self.inputs, "key", keys, list(columns))

    def lock(self, job: str) -> AbstractContextManager[None]:
        """Hold the corpus for one writing job of a kind ("ingest", "categorise"); CorpusError if it is held."""
        return writer_lock(self.path, job)

    def append(self, fragments: Sequence[str], inputs: pa.Table, *, replace: bool = False) -> None:
        """Commit staged pictures (FragmentMetadata as JSON), then what became of the inputs.

        Two commits, which a journal makes one: after a kill between them `mend` does the second.

        Args:
            inputs: rows of the ledger; the fragments hold exactly the pictures that these call stored.
            replace: some of the inputs stand in the ledger already and get a new outcome.

        Raises:
            CorpusError: nothing can be written there (full, not allowed).
        """
        parts = [FragmentMetadata.from_json(text) for text in fragments]
        with storage_errors(self.path):
            if parts:
                self.mend()  # an append of this process that failed half-way
                self._journal.write(inputs)
                operation = LanceOperation.Append(parts)
                self.dataset = lance.LanceDataset.commit(self.dataset, operation, read_version=self.version)
            if inputs.num_rows:
                self._book(inputs, replace)
            if parts:
                self._journal.remove()
            self._keep_indexed(max(inputs.num_rows, sum(part.physical_rows for part in parts)))
        self.refresh()

    def mend(self) -> bool:
        """Finish what a killed `append` left half done; whether there was anything. Call it with the ingest lock held.

        Raises:
            CorpusError: nothing can be written there.
        """
        with storage_errors(self.path):
            inputs = self._journal.read()
            if inputs is None:
                return False
            self.refresh()
            stored = inputs.filter(pc.field("outcome") == "stored")["id"][:1].to_pylist()
            # Pictures come all or none. Where none came, nothing happened: their inputs are looked at again.
            if self.pictures_by_id(stored).num_rows:
                self._book(inputs, replace=True)
            self._journal.remove()
            self.refresh()
        return True

    def _book(self, inputs: pa.Table, replace: bool) -> None:
        if replace:
            self.inputs.merge_insert("key").when_matched_update_all().when_not_matched_insert_all().execute(inputs)
        else:
            self.inputs = lance.write_dataset(inputs, self.inputs, mode="append")

    def _keep_indexed(self, more: int) -> None:
        """Look after the indices every so often: counting what they miss takes as long as there are fragments."""
        self._unindexed += more
        if self._unindexed > UNINDEXED_ROWS:
            self.refresh()
            with suppress(CommitConflictError):  # another job changed these fragments: next time
                self._unindexed = max(keep_indexed(self.dataset, "id"), keep_indexed(self.inputs, "key"))

    def ensure_columns(self, fields: pa.Schema) -> None:
        """Add the columns that are missing, null everywhere: a change of the manifest alone.

        Raises:
            CorpusError: a column of that name has another type.
        """
        for field in fields:
            if self.has_column(field.name) and self.dataset.schema.field(field.name).type != field.type:
                found = self.dataset.schema.field(field.name).type
                raise CorpusError(
                    f"column {field.name} of {self.path} is {found}, not {field.type}; choose another name with --name"
                )
        missing = [field for field in fields if not self.has_column(field.name)]
        if missing:
            self.dataset.add_columns(pa.schema(missing))
            self.refresh()

    def stage_columns(self, fragment_id: int, values: pa.Table) -> StagedColumns:
        """Write new values of existing columns for one fragment, without showing them to anyone.

        Args:
            values: ``_rowid`` (uint64, from a scan with_row_id) and the columns to set; other rows keep theirs.
        """
        fragment = self.dataset.get_fragment(fragment_id)
        metadata, fields = fragment.update_columns(values)
        return StagedColumns(fragment_id, json.dumps(metadata.to_json()), tuple(fields))

    def commit_columns(self, staged: Sequence[StagedColumns]) -> bool:
        """Show staged columns to everyone, all or none; they must have been staged from this very version.

        Returns:
            False if somebody else changed one of these fragments in the meantime: `refresh`, stage and try again.
        """
        operation = LanceOperation.Update(
            updated_fragments=[FragmentMetadata.from_json(part.fragment) for part in staged],
            fields_modified=sorted({field for part in staged for field in part.fields_modified}),
            update_mode="rewrite_columns",
        )
        try:
            self.dataset = lance.LanceDataset.commit(self.dataset, operation, read_version=self.version)
        except CommitConflictError:
            return False
        return True

    def config(self, key: str) -> Any:
        """A small JSON value kept with the corpus, or None."""
        text = self.dataset.config().get(f"compoundeye.{key}")
        return None if text is None else json.loads(text)

    def set_config(self, key: str, value: Any) -> None:
        """Keep a small JSON value with the corpus (a commit)."""
        self.dataset.update_config({f"compoundeye.{key}": json.dumps(value, sort_keys=True)})
        self.refresh()


def _expand(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    return text.rstrip("/") if "://" in text else os.path.abspath(os.path.expanduser(text))


def _exists(uri: str) -> bool:
    try:
        lance.dataset(uri)
    except (ValueError, OSError):
        return False
    return True


def _refuse_file(where: str) -> None:
    if "://" not in where and os.path.isfile(where):
        raise CorpusError(f"{where} is a file, not a corpus; give another name for the corpus")


def _check_place(uri: str) -> None:
    """Refuse to make a corpus in a folder with other things in it."""
    if "://" in uri:
        return
    place = Path(uri.removesuffix(f"/{LEDGER}"))
    others = sorted(child.name for child in place.iterdir() if not _is_ours(child)) if place.is_dir() else []
    if others:
        raise CorpusError(f"{place} is a folder with other things in it ({others[0]}, ...); give the corpus a new name")


def _is_ours(path: Path) -> bool:
    """What a kill in the midst of making a corpus may leave: none of it holds anything yet."""
    if path.name == "data":
        return not any(path.iterdir())
    return path.name in (LEDGER, "_transactions", "_versions", "_ingest.lock")
