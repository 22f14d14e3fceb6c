"""How an answer goes over the wire, whatever the system: gzip for those who ask for it, or cut off on command.

And how a request's path arrives."""

from __future__ import annotations

import posixpath
import zlib
from collections.abc import Iterable, Iterator

from werkzeug.wrappers import Request, Response

WORTH_COMPRESSING = 1_024


def compressed(request: Request, answer: Response) -> Response:
    """Return the answer in gzip for clients that ask for it; a file is compressed as it is read."""
    if not request.accept_encodings["gzip"] or answer.status_code != 200:
        return answer
    if (answer.content_length or WORTH_COMPRESSING) < WORTH_COMPRESSING:
        return answer
    if "Accept-Ranges" in answer.headers:  # ranges are bytes of the file itself
        return answer
    answer.response = _gzip(answer.iter_encoded())
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept-Encoding"
    answer.headers.pop("Content-Length", None)
    return answer


def plain_path(path: str) -> str:
    """Return a path without `.` and `..`: some clients send them, and front servers resolve them (RFC 3986, 5.2.4)."""
    return posixpath.normpath(path) if "/." in path else path


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # the fastest level, in a gzip envelope
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def cut(chunks: Iterable[bytes], left: int) -> Iterator[bytes]:
    """Yield the first bytes, then break the connection off."""
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            break
    raise ConnectionAbortedError("dropped on command")
