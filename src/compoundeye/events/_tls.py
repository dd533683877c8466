"""Transport Layer Security of addresses: whom a server is believed from, and what it is shown of us.

The name in a server's certificate must be the host of the address, and the certificate must be valid today and signed
by who is trusted: there is no option that leaves one of them out.
"""

from __future__ import annotations

import ssl

from compoundeye.events._address import Address
from compoundeye.records import EyeError

TLS_OPTIONS = {
    "ca": "certificates that are trusted, PEM; else the system's",
    "cert": "our own certificate, PEM",
    "key": "its key, PEM",
    "key_password_file": "its first line opens that key",
}


def tls_context(address: Address, secure: str) -> ssl.SSLContext | None:
    """What a server must show, and what we show it; None where the address is not of the scheme ``secure``.

    Raises:
        EyeError: a file cannot be read, files that do not belong together, or options of TLS without TLS.
    """
    given = [name for name in TLS_OPTIONS if name in address.options]
    if address.scheme != secure:
        if given:
            raise EyeError(f"{address.shown}: {given[0]} is for {secure}://, and this address is not encrypted")
        return None
    if ("cert" in given) != ("key" in given) or ("key_password_file" in given and "key" not in given):
        raise EyeError(f"{address.shown}: cert and key go together")
    ca, cert, key = (address.file(name) for name in ("ca", "cert", "key"))
    context = _trusting(address, ca)
    if cert is None:
        return context
    asked = list[bool]()

    def password() -> str:  # without a function OpenSSL would ask at the terminal
        asked.append(True)
        return address.secret("key_password") or ""

    try:
        context.load_cert_chain(cert, str(key), password)
    except OSError as error:  # ssl.SSLError is one
        why = "its key is under a password: key_password_file=FILE names the right one" if asked else _reason(error)
        raise EyeError(f"{address.shown}: cert={cert} with key={key} cannot be used: {why}") from error
    return context


class _Socket(ssl.SSLSocket):
    """Is closed when the two sides do not agree, whoever opened it."""

    def do_handshake(self, block: bool = False) -> None:
        """Agree, or be closed."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _trusting(address: Address, ca: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
        context.sslsocket_class = _Socket
        return context
    except OSError as error:
        raise EyeError(f"{address.shown}: ca={ca} cannot be read: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    """In words, without the line of OpenSSL's source."""
    if isinstance(error, ssl.SSLError):
        return error.reason.replace("_", " ").lower() if error.reason else "not in PEM"
    return error.strerror or str(error)


def refusal(error: Exception) -> str:
    """Why a connection did not come about, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"no encrypted connection: {_reason(error)}"
    return str(error) or type(error).__name__
