"""Which of the settings, and of what the environment holds besides, are secrets that no text may show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from sync_pipeline.redactor import passwords

# Read by libraries, not by us: of PostgreSQL, of DuckDB's object storage, and of proxies.
ENVIRONMENT = ("PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
ADDRESSES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
# Of an object store's address.
KEYS = ("key", "secret", "token", "sig", "signature", "password")


def secrets(given: BaseSettings) -> Iterator[str]:
    """Yield every secret that these settings know."""
    for value in vars(given).values():
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, str) and ("://" in value or "=" in value):
            yield from _in_address(value)
    for name in ENVIRONMENT:
        yield os.environ.get(name, "")
    for name in ADDRESSES:
        yield from passwords(os.environ.get(name, ""))
    yield from _private_key(getattr(given, "salesforce_private_key_file", None))


def _in_address(address: str) -> Iterator[str]:
    yield from passwords(address)
    for name, value in parse_qsl(urlsplit(address).query) if "://" in address else ():
        if any(word in name.lower() for word in KEYS):
            yield value


def _private_key(file: Path | None) -> Iterator[str]:
    try:
        yield file.read_text("utf-8") if file else ""
    except (OSError, UnicodeDecodeError):  # the login tells of it
        return
