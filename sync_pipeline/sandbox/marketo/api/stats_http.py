"""Usage and errors: how many calls each user made, and how many calls were refused, by code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.marketo.http import Call, Route
from sync_pipeline.sandbox.marketo.limits import day_of


def _days(call: Call, days: int) -> list[date]:
    today = day_of(call.sandbox.now())
    return [today - timedelta(days=number) for number in range(days)]


def _usage(day: date, users: Counter[str]) -> dict[str, Any]:
    listed = [{"userId": user, "count": count} for user, count in sorted(users.items()) if count]
    return {"date": day.isoformat(), "total": users.total(), "users": listed}


def _errors(day: date, codes: Counter[str]) -> dict[str, Any]:
    listed = [{"errorCode": code, "count": count} for code, count in sorted(codes.items())]
    return {"date": day.isoformat(), "total": codes.total(), "errors": listed}


def _over(days: int, counted: str, show: Callable[[date, Counter[str]], dict[str, Any]]) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        found: Mapping[date, Counter[str]] = getattr(call.sandbox.limits, counted)
        return call.answer([show(day, found.get(day, Counter())) for day in _days(call, days)])

    return answer


_ROOT = "/rest/v1/stats"
ROUTES = [
    Route(f"{_ROOT}/usage.json", _over(1, "used", _usage)),
    Route(f"{_ROOT}/usage/last7days.json", _over(7, "used", _usage)),
    Route(f"{_ROOT}/errors.json", _over(1, "refused", _errors)),
    Route(f"{_ROOT}/errors/last7days.json", _over(7, "refused", _errors)),
]
