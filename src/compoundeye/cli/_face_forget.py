"""`eye face forget`: somebody erased, and the proof."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from compoundeye.cli._face_gallery import By, Json, Key, Place, asker, opened, who
from compoundeye.cli._output import note, print_json, printable, say
from compoundeye.records import EyeError


def forget(
    gallery: Place,
    people: Annotated[list[str], typer.Argument(metavar="WHO...", help="Numbers or names.")],
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Remove the picture files with their faces, too, and whoever is on them.")
    ] = False,
    corpora: Annotated[
        list[str] | None, typer.Option("--corpus", metavar="CORPUS", help="Remove these pictures from it. Repeatable.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="What for, for the audit log.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Erase people from a gallery: templates, crops, names, keys; then look for traces on disk. It cannot be undone.

    Pictures stay where they are unless --pictures or --corpus is given. Copies elsewhere and exports are not reached.

    Example:
      eye face forget staff.gallery Anna
      eye face forget staff.gallery Anna --pictures --corpus corpus.lance --yes
    """
    known = opened(gallery, key)
    wanted = [known.person(who(one)) for one in people]
    if not yes:
        _ask([f"{one.name or f'person {one.id}'} ({one.faces:,} faces)" for one in wanted], pictures, corpora or [])
    report = known.forget([one.id for one in wanted], by=asker(by), why=why, pictures=pictures, corpora=corpora or ())
    if json:
        print_json(report)
    else:
        say(f"{len(report.people)} forgotten: {report.faces:,} faces, {report.crops:,} crops, {report.keys:,} keys")
        say(f"{report.looked_for:,} sealed things looked for on disk, {report.traces:,} found")
        if pictures or corpora:
            say(f"{len(report.pictures_removed):,} files and {report.pictures_from_corpora:,} pictures of corpora gone")
        for place, reason in report.pictures_kept:
            note(f"{place}: kept: {reason}")
        if report.shared_pictures:
            note(f"note: {report.shared_pictures:,} of their pictures showed other people, too")
    if report.traces:
        raise EyeError(f"{report.traces:,} traces are still on disk: close what else has {gallery} open, and try again")


def _ask(people: list[str], pictures: bool, corpora: list[str]) -> None:
    what = "".join([", with their picture files" if pictures else "", *(f", and from {one}" for one in corpora)])
    question = f"Forget {', '.join(people)}{what}? It cannot be undone."
    if not sys.stdin.isatty():
        raise EyeError(f"{question} Say --yes.")
    typer.confirm(printable(question), abort=True, err=True)
