"""Refusals as the REST API words them: HTTP status, error code, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class ApiError(Exception):
    """An answer other than success. `message` and `code` are what the client reads.

    `more` is what an error of its kind carries beside them (the matches of a duplicate rule), `also` the further
    errors of the same record.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        fields: Sequence[str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields
        self.more = more or {}
        self.also: tuple[ApiError, ...] = ()

    def body(self) -> list[dict[str, object]]:
        """Return the errors as the answer to a single record lists them."""
        entry: dict[str, object] = {**self.more, "message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = list(self.fields)
        return [entry, *(one for error in self.also for one in error.body())]

    def listed(self) -> list[dict[str, object]]:
        """Return the errors as answers about many records list them: `statusCode`, and always `fields`."""
        entry: dict[str, object] = {
            "statusCode": self.code,
            "message": self.message,
            "fields": list(self.fields or ()),
        }
        return [entry, *(one for error in self.also for one in error.listed())]


def not_found() -> ApiError:
    return ApiError("NOT_FOUND", "The requested resource does not exist", 404)


def pointed(soql: str, at: int, message: str, code: str) -> ApiError:
    """Return an error that points into the query as Salesforce does: the line, a caret, row and column."""
    before = soql[:at]
    row = before.count("\n") + 1
    column = at - (before.rfind("\n") + 1)
    line = soql.splitlines()[row - 1] if soql.strip() and at <= len(soql) else soql
    place = f"ERROR at Row:{row}:Column:{column + 1}"
    return ApiError(code, f"\n{line}\n{' ' * column}^\n{place}\n{message}")
