"""Refusals as Marketo words them (SPEC 28.1): of a whole call, or of one record; both arrive with HTTP 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class CallError(Exception):
    """A call that is refused as a whole: `success` is false and `errors` names the code, a string."""

    def __init__(self, code: int | str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = str(code)
        self.message = message


@dataclass(frozen=True)
class Reason:
    """Why one record was skipped."""

    code: int
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"code": str(self.code), "message": self.message}


class RecordError(Exception):
    """A record that cannot be taken; the call goes on with the others."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.reason = Reason(code, message)


def skipped(reason: Reason, **more: Any) -> dict[str, Any]:
    """Return the result of a record that was not taken."""
    return {**more, "status": "skipped", "reasons": [reason.as_dict()]}


def missing(parameter: str) -> CallError:
    return CallError(1002, f"Missing value for the required parameter '{parameter}'")


def mistyped(value: object, kind: str) -> CallError:
    return CallError(1001, f"Invalid value '{value}'. Required of type '{kind}'")
