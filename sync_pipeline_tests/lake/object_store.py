"""An object store on loopback with as much of S3 as DuckDB needs to list, read and write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ListBucket = "<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>"


class _Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    parts: dict[str, bytes]

    def _send(self, status: int, body: bytes = b"", /, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        found = urlsplit(self.path)
        key, query = self._key(), parse_qs(found.query)
        if "list-type" in query:
            bucket, prefix = key.rstrip("/"), query.get("prefix", [""])[0]
            names = sorted(n for n in self.objects if n.startswith(f"{bucket}/{prefix}"))
            listed = "".join(
                f"<Contents><Key>{n.removeprefix(bucket + '/')}</Key><Size>{len(self.objects[n])}</Size>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag></Contents>"
                for n in names
            )
            self._send(200, ListBucket.format(listed).encode())
            return
        if key not in self.objects:
            self._send(404)
            return
        content, span = self.objects[key], self.headers.get("Range")
        stamp = {"Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"x"', "Accept_Ranges": "bytes"}
        if self.command == "HEAD":
            self._send(200, b"", Content_Length=str(len(content)), **stamp)
        elif span:
            first, _, last = span.removeprefix("bytes=").partition("-")
            part = content[int(first) : int(last or len(content)) + 1]
            told = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
            self._send(206, part, Content_Range=told, **stamp)
        else:
            self._send(200, content, **stamp)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _key(self) -> str:
        """Return bucket and key; the bucket is the first part of the host's name."""
        return f"{self.headers['Host'].partition('.')[0]}{unquote(urlsplit(self.path).path)}"

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_POST(self) -> None:
        found, body = urlsplit(self.path), self._body()
        key = self._key()
        if "uploads" in found.query:
            told = f"<InitiateMultipartUploadResult><UploadId>{key}</UploadId></InitiateMultipartUploadResult>"
            self._send(200, told.encode())
        else:
            assert body
            self.objects[key] = self.parts.pop(key, b"")
            self._send(200, b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    def do_PUT(self) -> None:
        found, body = urlsplit(self.path), self._body()
        key = self._key()
        if "partNumber" in found.query:
            self.parts[key] = self.parts.get(key, b"") + body
        else:
            self.objects[key] = body
        self._send(200, b"", ETag='"x"')

    def do_DELETE(self) -> None:
        self.objects.pop(self._key(), None)
        self._send(204)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def object_store() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Give the address (host:port) of a store, and what is in it by bucket and key."""
    objects: dict[str, bytes] = {}
    handler = type("Handler", (_Store,), {"objects": objects, "parts": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", objects
        server.shutdown()
