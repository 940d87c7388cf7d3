"""The certificates of the local stack: an authority of its own, a server's certificate and a client's.

The authority's key is never written: all certificates are made at once, and again from scratch if a file is missing.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.settings import Settings
from infra.stacks.private_files import write_private

VALID = timedelta(days=3650)
_ADDRESSES = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]


@dataclass(frozen=True)
class Certificates:
    """The paths of the PEM files; `server` has the key and the certificate of `server_key` and `server_cert`."""

    ca: Path
    server: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def certificates(settings: Settings) -> Certificates:
    """Return where the files are."""
    names = ("ca.crt", "server.pem", "server.crt", "server.key", "client.crt", "client.key")
    return Certificates(*(settings.data_dir / "tls" / name for name in names))


def ensure_certificates(settings: Settings) -> Certificates:
    """Make the authority and the certificates if a file is missing, readable only by their owner; return the paths."""
    files = certificates(settings)
    if all(path.is_file() for path in vars(files).values()):
        return files
    authority = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "olympic-streaming local stack")])
    root = _certificate(issuer, issuer, authority, authority, x509.BasicConstraints(ca=True, path_length=0))
    server_key, server = _signed(issuer, authority, "127.0.0.1", x509.SubjectAlternativeName(_ADDRESSES))
    client_key, client = _signed(issuer, authority, "client", x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    contents = (root, server_key + server, server, server_key, client, client_key)
    for path, content in zip(vars(files).values(), contents, strict=True):
        write_private(path, content)
    return files


def _signed(issuer: x509.Name, authority: rsa.RSAPrivateKey, name: str, use: x509.ExtensionType) -> tuple[str, str]:
    """Return a new key, as PKCS #8, and its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text.decode(), _certificate(subject, issuer, key, authority, use)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, authority: rsa.RSAPrivateKey, use: x509.ExtensionType
) -> str:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(use, critical=isinstance(use, x509.BasicConstraints))
    )
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
