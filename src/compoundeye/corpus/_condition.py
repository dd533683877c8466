"""What a person asks of pictures without their pixels (SQL, category, time, size, words) as one filter for Lance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._store import Corpus
from compoundeye.models import catalogue, labels

TEXT_COLUMNS = ("caption", "metadata", "source", "camera")
"""Where words are looked for, besides the category that counts: a person's label, or else what the model said."""

_EXAMPLE = "write SQL such as \"width > 1000 AND format = 'PNG'\""


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter, and the parts of it in a person's words."""

    sql: str | None
    why: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """In lower case; each stands in some text column of a row that fits."""
    texts: tuple[str, ...] = TEXT_COLUMNS
    """The columns that words are looked for in, of those that the corpus has."""


def condition(
    corpus: Corpus,
    *,
    where: str | None = None,
    category: str | Sequence[str] | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    min_size: int | None = None,
    text: str | None = None,
    name: str = "category",
) -> Condition:
    """One filter from all that is asked; each part narrows it. Arguments as in `search`.

    Raises:
        CorpusError: a condition that cannot be read, a column that is not there, or no categories yet.
    """
    parts, why = list[str](), list[str]()
    if where is not None:
        check(corpus, where)
        parts.append(f"({where})")
        why.append(where.strip())
    if category is not None:
        asked = [category] if isinstance(category, str) else list(category)
        parts.append(_in_category(corpus, asked, name))
        why.append(f"{name} is {' or '.join(asked)}")
    if since is not None:
        parts.append(f"taken_at >= {_literal(period(since)[0])}")
        why.append(f"taken since {since}")
    if until is not None:
        parts.append(f"taken_at < {_literal(period(until)[1])}")
        why.append(f"taken until {until}")
    if min_size is not None:
        parts.append(f"(width >= {int(min_size)} AND height >= {int(min_size)})")
        why.append(f"both sides at least {int(min_size)} pixels")
    words = tuple((text or "").lower().split())
    said = tuple(column for column in ("label", name) if corpus.has_column(column))
    parts.extend(_holds_word(word, said) for word in words)
    return Condition(" AND ".join(parts) or None, tuple(why), words, (*TEXT_COLUMNS, *said))


def quoted(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _holds_word(word: str, said: Sequence[str]) -> str:
    texts = [*TEXT_COLUMNS, _counting(said)] if said else TEXT_COLUMNS
    return "(" + " OR ".join(f"contains(lower({text}), {quoted(word)})" for text in texts) + ")"


def _counting(said: Sequence[str]) -> str:
    return f"coalesce({', '.join(said)})" if len(said) > 1 else said[0]


def _in_category(corpus: Corpus, asked: Sequence[str], name: str) -> str:
    """A person's label counts before the model's category; a category stands for everything below it in its tree."""
    if not corpus.has_column(name) and not corpus.has_column("label"):
        raise CorpusError(f"{corpus.path} has no {name} yet; run `eye categorise {corpus.path}` first")
    wanted = sorted({below for one in asked for below in names_below(corpus, one, name)})
    columns = [column for column in ("label", name) if corpus.has_column(column)]
    return f"lower({_counting(columns)}) IN ({', '.join(map(quoted, wanted))})"


def names_below(corpus: Corpus, category: str, name: str = "category") -> list[str]:
    """The category in lower case, and those under it in the tree of the model that named this corpus's categories.

    A picture is in the category where its label, or else what the model said, is one of them in lower case.
    """
    model = made_by(corpus, f"{name}_by")
    card = catalogue().get(model.partition("/")[0]) if model else None
    tree = labels(card.labels).tree if card and card.labels else None
    names = [one.lower() for one in tree.names] if tree else []
    if tree is None or category.lower() not in names:
        return [category.lower()]
    top = names.index(category.lower())
    return [names[node] for node in range(top, len(names)) if top in tree.path(node)]


def made_by(corpus: Corpus, column: str) -> str | None:
    """What a column such as ``embedding_by`` says of the first row that says anything."""
    if not corpus.has_column(column):
        return None
    found = corpus.dataset.to_table(columns=[column], filter=f"{column} IS NOT NULL", limit=1)
    return str(found[column][0].as_py()) if found.num_rows else None


def period(moment: str | date) -> tuple[datetime, datetime]:
    """First instant, and first instant after: of a year, a month, a day (``2024``, ``2024-05``, ``2024-05-17``), or of
    a time, which lasts a microsecond.

    Raises:
        CorpusError: no such date.
    """
    if isinstance(moment, datetime):
        return moment, moment + timedelta(microseconds=1)
    text = moment.isoformat() if isinstance(moment, date) else moment.strip()
    try:
        if re.fullmatch(r"\d{4}", text):
            return datetime(int(text), 1, 1), datetime(int(text) + 1, 1, 1)
        if found := re.fullmatch(r"(\d{4})-(\d{1,2})", text):
            year, month = int(found[1]), int(found[2])
            return datetime(year, month, 1), datetime(year + month // 12, month % 12 + 1, 1)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            day = datetime.fromisoformat(text)
            return day, day + timedelta(days=1)
        exact = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise CorpusError(f"{text!r} is no date; write it as 2024, 2024-05, 2024-05-17 or 2024-05-17T09:30") from error
    # Cameras write local time without a zone, so a zone in the question can only be dropped.
    exact = exact.replace(tzinfo=None)
    return exact, exact + timedelta(microseconds=1)


def _literal(moment: datetime) -> str:
    return f"arrow_cast('{moment.isoformat(sep='T')}', 'Timestamp(Microsecond, None)')"


def check(corpus: Corpus, where: str) -> None:
    """Plan a condition without running it.

    Raises:
        CorpusError: it cannot be read, or names a column that is not there.
    """
    if not where.strip() or not _closed(where):
        raise CorpusError(f"cannot use the condition {where!r}: {_EXAMPLE}")
    with sql_errors(corpus, where):
        # In brackets too: of what stands alone, Lance reads the first expression and drops the rest.
        for whole in (where, f"({where})"):
            corpus.dataset.scanner(columns=["id"], filter=whole).explain_plan()


def _closed(where: str) -> bool:
    """Whether every bracket that closes was opened before: the condition will stand in brackets beside others."""
    depth = 0
    for mark in re.sub(r"'[^']*'", "", where):
        depth += (mark == "(") - (mark == ")")
        if depth < 0:
            return False
    return True


@contextmanager
def sql_errors(corpus: Corpus, where: str | None) -> Iterator[None]:
    """Turn what Lance says of a person's condition into one sentence.

    Raises:
        CorpusError: the condition cannot be read or computed.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if where is None or "(os error" in str(error):
            raise
        raise CorpusError(_explain(corpus, where, str(error))) from error


def _explain(corpus: Corpus, where: str, message: str) -> str:
    unknown = re.search(r"No field named \"?([^\s\"]+?)\"?\.(?:\s|$)", message)
    if unknown:
        names = ", ".join(corpus.dataset.schema.names)
        value = re.search(rf"[=<>]\s*{re.escape(unknown[1])}\b", where)
        hint = f" (as a value, write '{unknown[1]}')" if value else ""
        return f"{corpus.path} has no column {unknown[1]}{hint}; its columns are {names}"
    reason = re.sub(r",? ?/?\S*\.rs:\d+:\d+.*", "", message.partition("\n")[0])
    reason = re.sub(r"LanceError\(\w+\): |Invalid user input: |Error parsing statement: ", "", reason)
    reason = reason.split("(sql parser error: ")[-1].rstrip(")") if "(sql parser error: " in reason else reason
    example = "write a time as timestamp '2024-05-17 09:30:00'" if "Timestamp" in reason else _EXAMPLE
    return f"cannot use the condition {where!r}: {reason.strip()}; {example}"
