"""Certificates for tests: an authority of our own, and what it signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
A_DAY = timedelta(days=1)


class Authority:
    """Signs certificates, and writes them into a folder: ``NAME.pem`` and ``NAME.key``."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = self._write(name, self._signed(self._name, self._key, NOW + A_DAY, authority=True), self._key)[0]

    def sign(
        self, name: str, host: str = "127.0.0.1", until: datetime = NOW + A_DAY, password: bytes | None = None
    ) -> tuple[Path, Path]:
        """A certificate for a host and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._write(name, self._signed(subject, key, until, host=host), key, password)

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        until: datetime,
        *,
        host: str | None = None,
        authority: bool = False,
    ) -> x509.Certificate:
        built = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(NOW - 3 * A_DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host is not None:
            number = host.replace(".", "").isdecimal()
            named = x509.IPAddress(ip_address(host)) if number else x509.DNSName(host)
            built = built.add_extension(x509.SubjectAlternativeName([named]), critical=False)
        return built.sign(self._key, hashes.SHA256())

    def _write(
        self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, password: bytes | None = None
    ) -> tuple[Path, Path]:
        paths = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        kept = serialization.PrivateFormat.PKCS8
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, kept, how))
        return paths
