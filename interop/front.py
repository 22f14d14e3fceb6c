"""The way to a sandbox for clients whose host names and https are wired in: nothing in them is changed.

    with Front(application, address, ["*.salesforce.com"]) as front:
        ...  # a client's process with front.environment()

The sandbox is served a second time, at a door with TLS and a throw-away certificate; a proxy leads every host that it
may stand for there and refuses all others, so that no client reaches the internet by mistake.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import select
import socket
import socketserver
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOOPBACK = "127.0.0.1"
CHUNK = 65_536
HANDSHAKE = b"\x16"  # the first byte of a TLS connection


class Front:
    """A WSGI application behind TLS, and the proxy by which clients find it there."""

    def __init__(self, application: WSGIApplication, plain: tuple[str, int], hosts: Sequence[str]) -> None:
        """`plain` is where the application listens without TLS: some clients use the proxy for that, too."""
        self._folder = tempfile.TemporaryDirectory(prefix="front-")
        self._certificate, key = _certificate(Path(self._folder.name), [*hosts, LOOPBACK])
        self._door = wsgi.Server((LOOPBACK, 0), application, numthreads=8)
        self._door.ssl_adapter = BuiltinSSLAdapter(str(self._certificate), str(key))
        self._door.expiration_interval = 0.05  # seconds; stopping waits for it once
        self._proxy = _Proxy((*hosts, LOOPBACK), plain)

    def __enter__(self) -> Self:
        self._door.prepare()
        self._proxy.door = self._door.bind_addr
        for server in (self._door.serve, self._proxy.serve_forever):
            threading.Thread(target=server, name="front", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self._door.stop()
        self._folder.cleanup()

    def environment(self) -> dict[str, str]:
        """Return what a client's process must be told, in the names that requests, OpenSSL and Node read."""
        certificate = str(self._certificate)
        return {
            "HTTPS_PROXY": f"http://{LOOPBACK}:{self._proxy.server_address[1]}",
            "REQUESTS_CA_BUNDLE": certificate,
            "SSL_CERT_FILE": certificate,
            "NODE_EXTRA_CA_CERTS": certificate,
        }


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, hosts: Sequence[str], plain: tuple[str, int]) -> None:
        super().__init__((LOOPBACK, 0), _Tunnel)
        self.hosts, self.plain = hosts, plain
        self.door = plain  # until the one with TLS has its port


class _Tunnel(socketserver.StreamRequestHandler):
    """One CONNECT: bytes in both directions until either end has said all."""

    rbufsize = 0  # what follows the request's head is not for us to read

    def handle(self) -> None:
        proxy = cast("_Proxy", self.server)
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        while self.rfile.readline().strip():
            pass
        host = rest.partition(":")[0]
        if method != "CONNECT" or not any(fnmatch.fnmatch(host, known) for known in proxy.hosts):
            self.wfile.write(b"HTTP/1.1 403 Not this sandbox\r\nContent-Length: 0\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        is_tls = self.request.recv(1, socket.MSG_PEEK) == HANDSHAKE
        with socket.create_connection(proxy.door if is_tls else proxy.plain) as door:
            _pump(self.request, door)


def _pump(one: socket.socket, other: socket.socket) -> None:
    to = {one: other, other: one}
    try:
        while True:
            for side in select.select([one, other], [], [])[0]:
                said = side.recv(CHUNK)
                if not said:
                    return
                to[side].sendall(said)
    except OSError:  # the client, or the sandbox on command, broke the connection off
        return


def _certificate(folder: Path, hosts: Sequence[str]) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself, good for a day, and its key; return where they are."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = datetime.now(UTC)
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_named(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(subject_key, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(encoding))
    files[1].touch(mode=0o600)
    files[1].write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return files


def _named(host: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(host)) if host == LOOPBACK else x509.DNSName(host)
