"""Pictures at rest: a Lance dataset with one row a picture, from ten to billions.

Guarantee: original bytes unchanged, each picture once, every input accounted for, never a half-written version.
Cost: the pictures' own bytes, about 10 KB a row for the thumbnail, about 100 bytes an input in the ledger.
Limit: one ingest at a time on a local disk.
"""

from compoundeye.corpus._accounts import account, failures
from compoundeye.corpus._compact import Compacted, compact
from compoundeye.corpus._correct import correct, read_corrections
from compoundeye.corpus._duplicates import duplicates
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._export import FORMATS, export
from compoundeye.corpus._index import IndexReport, ensure_index, index_report
from compoundeye.corpus._ingest import IngestAccount, ingest
from compoundeye.corpus._rows import find_ids
from compoundeye.corpus._search import search
from compoundeye.corpus._sheet import contact_sheet
from compoundeye.corpus._store import Corpus, StagedColumns

__all__ = [
    "FORMATS",
    "Compacted",
    "Corpus",
    "CorpusError",
    "IndexReport",
    "IngestAccount",
    "StagedColumns",
    "account",
    "compact",
    "contact_sheet",
    "correct",
    "duplicates",
    "ensure_index",
    "export",
    "failures",
    "find_ids",
    "index_report",
    "ingest",
    "read_corrections",
    "search",
]
