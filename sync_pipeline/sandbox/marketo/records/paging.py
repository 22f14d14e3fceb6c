"""Paging tokens: opaque to clients, in fact a moment or a place, spelled in base 32 as the real ones are."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from sync_pipeline.sandbox.marketo.errors import CallError
from sync_pipeline.sandbox.marketo.records.values import moment


def token(*parts: object) -> str:
    return base64.b32encode(",".join(map(str, parts)).encode()).decode()


def parts(text: str) -> list[str]:
    """Return what a token was made of.

    Raises:
        CallError: it is none of ours.
    """
    try:
        return base64.b32decode(text.encode()).decode().split(",")
    except (binascii.Error, UnicodeError):
        raise _invalid() from None


def place(text: str | None) -> int:
    """Return the number a token holds; 0 without one."""
    if not text:
        return 0
    try:
        return int(parts(text)[-1])
    except ValueError:
        raise _invalid() from None


def moment_token(at: datetime, after: int = 0) -> str:
    """Return the token of a moment (UTC without zone) and of the last activity of it that was read."""
    return token(at.isoformat(), after)


def moment_of(text: str) -> tuple[datetime, int]:
    """Return what `moment_token` put in."""
    try:
        at, after = parts(text)
        return moment(at), int(after)
    except ValueError:
        raise _invalid() from None


def _invalid() -> CallError:
    return CallError(1003, "Invalid nextPageToken")
