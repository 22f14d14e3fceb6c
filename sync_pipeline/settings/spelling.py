"""How settings that hold several values are spelled: with commas between them, pairs as `one=other`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def split(given: object) -> object:
    """Return the parts of a text between its commas; what is no text stays as it is."""
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


def pairs(given: str) -> list[tuple[str, str]]:
    """Return the halves of `one=other, ...`; what has no sign has an empty other half."""
    halves = (part.partition("=") for part in given.split(",") if part.strip())
    return [(one.strip(), other.strip()) for one, _, other in halves]


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
Numbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(split)]
