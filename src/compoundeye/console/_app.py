"""The server as an application: pages and API over one state.

To add an API: write ``_api_NAME.py`` with ``router = APIRouter(tags=["NAME"])`` whose paths begin below ``/api/v1``
(``/runs``), and put NAME into `APIS`. Handlers are plain ``def``, take ``here: Here`` (`_state`) for the corpora and
``who: Who`` (`_sessions`) for whoever asks, raise `EyeError`s or the refusals of `_refusals`, and return Pydantic
models. A route that takes more than `BODY` bytes says so, see `_limits`.
To add a page: see `_pages`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

from fastapi import FastAPI

from compoundeye.console._errors import ERRORS, tell_errors
from compoundeye.console._faces import faces_of
from compoundeye.console._limits import BODY
from compoundeye.console._openapi import describe, operation_name
from compoundeye.console._pages import PAGES
from compoundeye.console._security import guard
from compoundeye.console._state import Console, Served
from compoundeye.console._static import router as static_files

API = "/api/v1"
APIS = (
    "session",
    "corpora",
    "pictures",
    "around",
    "columns",
    "corrections",
    "review",
    "account",
    "jobs",
    "runs",
    "plan",
    "models",
    "live",
    "live_events",
    "live_site",
    "faces",
    "faces_ask",
    "faces_audit",
)
"""Modules ``_api_NAME``: corpora, pictures, columns, corrections, jobs, runs, models, plan, live, faces come here."""


def application(served: Served) -> FastAPI:
    """The console of some corpora, for any ASGI server.

    Raises:
        EyeError: a corpus or the gallery of faces cannot be opened.
    """
    console = Console(served)
    for name in console.corpora:
        console.corpus(name)
    if served.faces is not None:
        console.part(faces_of)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        console.close()

    app = FastAPI(
        title="CompoundEye",
        version="1",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=operation_name,
        lifespan=lifespan,
    )
    app.state.console = console
    tell_errors(app)
    guard(app, console)
    describe(app, served.access)
    app.include_router(static_files, include_in_schema=False)
    # The limit of bytes is of the routes: the application's own would answer in front of the door.
    for name in APIS:
        module = import_module(f"compoundeye.console._api_{name}")
        app.include_router(module.router, prefix=API, responses=ERRORS, max_body_size=BODY)
    for page in PAGES:
        module = import_module(f"compoundeye.console._page_{page.name}")
        app.include_router(module.router, include_in_schema=False, max_body_size=BODY)
    return app
