"""Events to a web address: a POST of JSON for each batch, signed if there is a secret.

Body: ``{"events": [...]}`` with messages in order. Headers and signature follow Standard Webhooks 1.0.0: ``webhook-id``
(the same for a repetition), ``webhook-timestamp`` (Unix s) and ``webhook-signature``: "v1," and the Base64 of the
HMAC-SHA-256 of ``ID.TIMESTAMP.BODY``. A secret that begins with ``whsec_`` is Base64, as there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from compoundeye.events._address import Address
from compoundeye.events._spool import Waiting
from compoundeye.events._spooled import Refused, Unreachable
from compoundeye.events._tls import TLS_OPTIONS, refusal, tls_context
from compoundeye.records import EyeError

OPTIONS = {
    "secret_file": "its first line signs what is sent",
    "token_file": "its first line is sent as a bearer token",
} | TLS_OPTIONS
PATIENCE_S = 10.0
LONGEST_REST_S = 3600.0
"""Of what Retry-After asks for (RFC 9110, 10.2.3)."""
# Statuses of RFC 9110, 15.5, that say that this very content will never do. Others pass, or a person mends them.
NEVER = {400, 413, 415, 422}


class WebhookDelivery:
    """Posts, and waits for a status of 2xx. Follows no redirection: who is told of events is for the user to say."""

    batch = 100

    def __init__(self, address: Address) -> None:
        """Connect later.

        Raises:
            EyeError: a file of an option cannot be read.
        """
        self._address = address
        secret = address.secret("secret")
        self._key = None if secret is None else _key(secret, address)
        self._headers = {"Content-Type": "application/json", "User-Agent": "CompoundEye"}
        if token := address.secret("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        elif address.user is not None:
            pair = f"{address.user}:{address.password or ''}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._tls = tls_context(address, "https")
        query = f"?{address.parts.query}" if address.parts.query else ""
        self._path = f"/{address.path}{query}"
        self._connection: HTTPConnection | None = None

    def deliver(self, batch: Sequence[Waiting]) -> None:
        """Return when the other side has said that it has them.

        Raises:
            Unreachable: it has not.
            Refused: it never will.
        """
        body = f'{{"events":[{",".join(one.message for one in batch)}]}}'.encode()
        # A batch of the same messages has the same id, in another process too.
        id = f"msg_{hashlib.sha256(body).hexdigest()[:32]}"  # noqa: A001
        headers = self._headers | signed(id, int(time.time()), body, self._key)
        status, reason, rest = self._post(body, headers)
        if 200 <= status < 300:
            return
        said = f"{self._address.shown} answers {status} {reason}"
        if status in NEVER:
            raise Refused(said)
        raise Unreachable(said, wait=rest)

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, float]:
        """Status, its words, and how long the other side wants to be left alone."""
        kept = self._connection is not None
        connection = self._connection = self._connection or self._connect()
        try:
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            answer.read(1 << 20)
        except (OSError, HTTPException) as error:
            self.close()
            if kept and isinstance(error, (ConnectionError, HTTPException)):
                return self._post(body, headers)  # servers end connections that are idle, without asking
            raise Unreachable(f"{self._address.shown}: {refusal(error)}") from error
        if not answer.isclosed() or answer.will_close:
            self.close()  # it says more than anybody wants to hear, or nothing more
        return answer.status, answer.reason, _rest(answer)

    def _connect(self) -> HTTPConnection:
        if self._tls is not None:
            return HTTPSConnection(self._address.host, self._address.port, timeout=PATIENCE_S, context=self._tls)
        return HTTPConnection(self._address.host, self._address.port, timeout=PATIENCE_S)

    def tend(self) -> None:
        """Nothing: each POST stands for itself."""

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def signed(id: str, timestamp: int, body: bytes, key: bytes | None) -> dict[str, str]:  # noqa: A002
    """The headers of Standard Webhooks."""
    headers = {"webhook-id": id, "webhook-timestamp": str(timestamp)}
    if key is not None:
        mark = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
        headers["webhook-signature"] = f"v1,{base64.b64encode(mark).decode()}"
    return headers


def _key(secret: str, address: Address) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise EyeError(f"{address.shown}: a secret that begins with whsec_ must be Base64: {error}") from error


def _rest(answer: HTTPResponse) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_REST_S) if asked.isdecimal() else 0.0
