"""What a condition in SQL may call: one line of it must not keep the server busy or fill its memory.

`repeat('a', 1000000000) = source` takes gigabytes for a row, and `replace` in `replace` grows without bound. So a
condition from an address calls what is listed here, whose results are as long as what goes in; `eye search` takes all.
"""

from __future__ import annotations

import re

from compoundeye.console._refusals import Unprocessable

CALLED = frozenset(
    word
    for line in (
        "abs array_any_value array_contains array_has array_has_all array_has_any array_length array_position",
        "arrow_cast bit_length btrim cardinality cast ceil char_length character_length coalesce contains date",
        "date_part date_trunc ends_with exp extract floor greatest ifnull instr isnan least left length ln log log10",
        "lower ltrim nanvl nullif octet_length position pow power regexp_like regexp_match right round rtrim sign sqrt",
        "starts_with strpos substr substring timestamp to_date to_timestamp trim trunc try_cast upper",
    )
    for word in line.split()
)
"""Functions of DataFusion that make nothing longer."""
_WORDS = frozenset(
    word
    for line in (
        "all and any array between by case distinct else end escape exists from ilike in is like not or similar",
        "some then to when where decimal numeric varchar char",
    )
    for word in line.split()
)
"""What stands before a bracket without being called."""
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\w+|--|/\*|\S""")
_REFUSED = ("--", "/*", "$")
"""Comments, and strings between dollars, in which everything could hide."""


def check_calls(sql: str) -> None:
    """See that a condition calls nothing but what is listed.

    Raises:
        Unprocessable: it does; the sentence names the function.
    """
    before = ""
    for token in _TOKEN.findall(sql):
        if token in _REFUSED or (token[0] == "'" and before.lower() == "e"):  # E'' may hold quotes after backslashes
            raise Unprocessable("where: write it without comments, dollars and E'...' strings")
        if token == "(" and (before[-1:].isalnum() or before[-1:] in ("_", '"', "`")):
            name = before.strip('"`').lower()
            if name not in CALLED and before.lower() not in _WORDS:
                raise Unprocessable(
                    f"where: {name[:50]} cannot be called here; `eye search --where` takes any function"
                )
        before = token
