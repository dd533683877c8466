"""One server in this process: from an address to listen on to a clean end at a signal."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from compoundeye.console._access import Access
from compoundeye.console._served import Served
from compoundeye.records import EyeError

GRACE_S = 3
"""How long answers under way may take when the server is told to end."""
KEPT_S = 75
"""How long a connection may be silent: longer than proxies keep theirs (nginx: 60), or they run into its end."""
MISSING = "the console needs {}: pip install 'compoundeye[console]'"


def serve(
    served: Served, *, tls: tuple[Path, Path] | None = None, ready: Callable[[str, int], None] = lambda _, __: None
) -> None:
    """Serve pages and API until SIGINT or SIGTERM.

    Args:
        served: what, to whom, and where; port 0 takes a free one.
        tls: files of a certificate (with its chain) and of its key, PEM.
        ready: called once with the address for browsers, ``http://127.0.0.1:8765``, and the port that is listened on,
            when requests are answered.

    Raises:
        EyeError: the port is taken, nothing can listen there, a corpus or a key cannot be read, a package is missing.
    """
    try:
        import uvicorn

        from compoundeye.console._app import application
    except ModuleNotFoundError as missing:
        raise EyeError(MISSING.format(missing.name)) from missing

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready(address(access), access.port)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.console.ending.set()
            await super().shutdown(sockets)

    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    if tls is not None:
        _check_keys(*tls)
    with listening(served.access.host, served.access.port) as listener:
        access = replace(served.access, port=listener.getsockname()[1], tls=tls is not None)
        app = application(replace(served, access=access))
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",  # what strangers send wrong is told to them, not to whoever reads the log
            access_log=False,
            server_header=False,
            proxy_headers=access.behind is not None,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEPT_S,
            ssl_certfile=tls[0] if tls else None,
            ssl_keyfile=str(tls[1]) if tls else None,
        )
        with suppress(KeyboardInterrupt):  # raised when the server has ended after SIGINT
            Server(config).run(sockets=[listener])


def address(access: Access) -> str:
    """What a browser on this machine, or the one that ``host`` names, calls the server."""
    if access.behind is not None:
        return access.behind.rstrip("/")
    everywhere = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}
    name = everywhere.get(access.host, access.host)
    return f"{'https' if access.tls else 'http'}://{f'[{name}]' if ':' in name else name}:{access.port}"


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        EyeError: the port is taken or not allowed, or this machine has no such address.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise EyeError(f"{host} is no address of this machine: {error.strerror}") from error
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits a minute
        made.bind(place)
        made.listen(2048)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise EyeError(f"port {port} of {host} is taken; give another with --port, or 0 for any") from error
        raise EyeError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return made


def _check_keys(certificate: Path, key: Path) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise EyeError(f"cannot use {certificate} with {key}: {error.strerror or error}") from error
