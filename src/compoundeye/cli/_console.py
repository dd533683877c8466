"""`eye console`: corpora, jobs and runs in the browser, and as a REST API."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from compoundeye.cli._face_gallery import key_of
from compoundeye.cli._output import note, print_json, printable
from compoundeye.records import EyeError

PORT = 8765


def console(
    corpus: Annotated[list[str] | None, typer.Argument(help="Corpora to look at; none: how to begin.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free one.")] = PORT,
    host: Annotated[
        str, typer.Option(help="The address to listen on; any but loopback needs a password or token.")
    ] = "127.0.0.1",
    browse: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    token: Annotated[
        str | None,
        typer.Option(envvar="COMPOUNDEYE_TOKEN", help="A secret to sign in with; one is made where one is needed."),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="A password, or its argon2 hash, in the first line of a file.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate with its chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="Another name that browsers may call this server by.")
    ] = None,
    behind: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="What a reverse proxy on this machine serves it under.")
    ] = None,
    runs: Annotated[str, typer.Option("--runs", metavar="FOLDER", help="Where run folders are.")] = "runs",
    root: Annotated[
        list[str] | None, typer.Option(metavar="FOLDER", help="People may ingest what lies below this folder.")
    ] = None,
    faces: Annotated[
        str | None, typer.Option(metavar="GALLERY", help="Show people and faces of a gallery; off unless it is named.")
    ] = None,
    faces_key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The gallery's key; else EYE_GALLERY_KEY, or staff.key beside staff.gallery."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the address as JSON, and nothing else.")] = False,
) -> None:
    """Look, search, correct and start jobs in the browser.

    Only this machine reaches it. On another address (--host) or behind a proxy (--behind) people sign in with the
    password or the token; scripts send the token in the header `Authorization: Bearer TOKEN`.

    Examples:
      eye console corpus.lance
      eye console cats.lance dogs.lance --port 0 --no-open
      eye console corpus.lance --host 0.0.0.0 --password-file ~/.eye-password --tls-cert cert.pem --tls-key key.pem
      eye console corpus.lance --faces staff.gallery --faces-key staff.key
    """
    from compoundeye.console import Served, access_rules, serve

    if (tls_cert is None) != (tls_key is None):
        raise EyeError("--tls-cert and --tls-key go together")
    if faces_key is not None and faces is None:
        raise EyeError("--faces-key is the key of a gallery: name it with --faces")
    access, made = access_rules(host, port, token=token, password_file=password_file, names=name or (), behind=behind)
    if faces is not None:
        key = key_of(Path(faces), None if faces_key is None else Path(faces_key))
        faces_key = None if key is None else str(key)
    served = Served(tuple(corpus or ()), runs, tuple(root or ()), access, faces, faces_key)

    def ready(address: str, listens: int) -> None:
        whole = f"{address}/login#{made}" if made else address
        if json:
            print_json({"address": address, "port": listens, "token": made})
        else:
            print(f"CompoundEye is at {printable(whole)} (Ctrl-C ends it)", flush=True)
        if not (access.private or tls_cert):
            note("Not encrypted: whoever listens on the network reads along. --tls-cert and --tls-key change that.")
        if browse and not json and _has_windows():
            # Some browsers are waited for, and the server must not wait.
            Thread(target=webbrowser.open, args=(whole,), daemon=True).start()

    serve(served, tls=(tls_cert, tls_key) if tls_cert and tls_key else None, ready=ready)


def _has_windows() -> bool:
    """Whether a browser would show itself in a window, not take the terminal over or fail on a server."""
    if not sys.stdout.isatty():
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
