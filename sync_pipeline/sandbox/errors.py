"""Refusals as the REST API words them: HTTP status, error code, text."""

from __future__ import annotations


class ApiError(Exception):
    """An answer other than success. `message` and `code` are what the client reads."""

    def __init__(self, code: str, message: str, status: int = 400, fields: list[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields

    def body(self) -> list[dict[str, object]]:
        entry: dict[str, object] = {"message": self.message, "errorCode": self.code}
        return [entry if self.fields is None else {**entry, "fields": self.fields}]


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
