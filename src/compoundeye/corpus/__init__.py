"""Pictures at rest: a Lance dataset with one row a picture, from ten to billions.

Guarantee: original bytes unchanged, each picture once, every input accounted for, never a half-written version; orders
of training are pure functions of the position, the same for any number of processes.
Cost: the pictures' own bytes, about 10 KB a row for the thumbnail, about 100 bytes an input in the ledger.
Limit: one ingest at a time on a local disk.
"""

from compoundeye.corpus._accounts import account, failures
from compoundeye.corpus._balance import balanced
from compoundeye.corpus._compact import Compacted, compact
from compoundeye.corpus._condition import TEXT_COLUMNS, Condition, condition, names_below, period, sql_errors
from compoundeye.corpus._correct import correct, read_corrections
from compoundeye.corpus._duplicates import duplicates
from compoundeye.corpus._erase import Erased, erase
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._export import FORMATS, export
from compoundeye.corpus._index import IndexReport, ensure_index, index_report
from compoundeye.corpus._ingest import IngestAccount, ingest
from compoundeye.corpus._mixture import mixture
from compoundeye.corpus._order import Order, Samples, pin, training_order, unpin
from compoundeye.corpus._relabel import SAID, read_said, relabel
from compoundeye.corpus._rows import find_ids
from compoundeye.corpus._search import reasons, search
from compoundeye.corpus._sheet import contact_sheet
from compoundeye.corpus._shuffle import Shuffle
from compoundeye.corpus._store import Corpus, StagedColumns
from compoundeye.corpus._targets import Targets, targets

__all__ = [
    "FORMATS",
    "SAID",
    "TEXT_COLUMNS",
    "Compacted",
    "Condition",
    "Corpus",
    "CorpusError",
    "Erased",
    "IndexReport",
    "IngestAccount",
    "Order",
    "Samples",
    "Shuffle",
    "StagedColumns",
    "Targets",
    "account",
    "balanced",
    "compact",
    "condition",
    "contact_sheet",
    "correct",
    "duplicates",
    "ensure_index",
    "erase",
    "export",
    "failures",
    "find_ids",
    "index_report",
    "ingest",
    "mixture",
    "names_below",
    "period",
    "pin",
    "read_corrections",
    "read_said",
    "reasons",
    "relabel",
    "search",
    "sql_errors",
    "targets",
    "training_order",
    "unpin",
]
