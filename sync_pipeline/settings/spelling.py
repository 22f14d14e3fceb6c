"""How settings that hold several values are spelled: with commas between them, pairs as `one=other`."""

from __future__ import annotations

from collections.abc import Sequence
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


def one_to_one(found: Sequence[tuple[str, str]]) -> bool:
    """Tell whether nothing is in two pairs."""
    return all(len({pair[end] for pair in found}) == len(found) for end in (0, 1))


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
Numbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(split)]
ByName = Annotated[dict[str, str], NoDecode]
