"""`eye face audit`: who did what, for what; and whether the log is whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from compoundeye.cli._face_gallery import Json, Key, Place, opened, who
from compoundeye.cli._output import note, print_json, print_table


def audit(
    gallery: Place,
    person: Annotated[str | None, typer.Option(metavar="WHO", help="Only what is about this person.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="Entries at most, the newest first.")] = 50,
    end: Annotated[
        str | None, typer.Option(metavar="END", help="The end that an earlier look gave: it must still be there.")
    ] = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Show who searched for whom and changed what, after checking that no entry was changed or removed.

    Keep the end that is told somewhere else: given again with --end, it proves that no older log was put back.

    Example:
      eye face audit staff.gallery --limit 10
      eye face audit staff.gallery --person Anna --json
    """
    known = opened(gallery, key)
    number = None if person is None else known.person(who(person)).id
    check = known.check_audit(end)
    entries = known.audit(limit=limit, person=number, newest_first=True)
    if json:
        print_json({"check": check, "entries": entries})
        return
    rows = [
        [str(one.number), datetime.fromtimestamp(one.at).isoformat(" ", "seconds"), one.by, one.verb,
         ",".join(map(str, one.people)), one.why]
        for one in entries
    ]  # fmt: skip
    print_table(["entry", "when", "by", "verb", "people", "why"], rows)
    note(f"{check.entries:,} entries, none changed or removed; the end is {check.end}")
