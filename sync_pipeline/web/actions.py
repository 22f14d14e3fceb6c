"""What a sales tool tells and asks by HTTP: POST /actions/<table> takes records in, POST /actions/check asks (SIA)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sync_pipeline.lake import Lake
from sync_pipeline.sales_insight.inputs import INPUTS, UNSUBSCRIBE
from sync_pipeline.sales_insight.intake import InputError, take
from sync_pipeline.sales_insight.may_send import Permission
from sync_pipeline.web.server import Endpoint, Fields, Reply


def intake(lake: Lake, unsubscribed: Callable[[], object]) -> Endpoint:
    """Return the endpoint that takes in `{"records": [...]}` of an input: sales_activity, unsubscribe, reminder_task.

    It answers 200 with how many were new or known, with what was refused, and with attributes that were left out as
    their kinds have none; 422 where nothing was taken and something
    refused; 400 for a body of another form. The same request may be sent twice.

    Args:
        unsubscribed: called after new unsubscribes are kept, to send them on at once (SIA-UNS-1).
    """

    def answer(given: Fields) -> Reply:
        into, records = INPUTS.get(str(given["table"])), given.get("records")
        if into is None:
            return _bad(f"{given['table']} is none of {', '.join(INPUTS)}", 404)
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            return _bad('the body is no list of records: {"records": [{...}]}')
        try:
            done = take(lake, into, records, datetime.now(UTC))
        except InputError as error:
            return _bad(str(error))
        if into is UNSUBSCRIBE and done.new:
            unsubscribed()
        refused = [vars(each) for each in done.refused]
        left_out = [vars(each) for each in done.left_out]
        body = {"new": done.new, "known": done.known, "refused": refused, "left_out": left_out}
        return Reply(body, 422 if refused and not done.new and not done.known else 200)

    return Endpoint("/actions/<table>", answer)


def check(may_send: Callable[..., Permission]) -> Endpoint:
    """Return the endpoint that tells whether a sales e-mail may go to `email` (SIA-UNS-6); `transactional` is a truth
    value. It answers 200 with `allowed` and `because`; a sender that gets anything else must not send."""

    def answer(given: Fields) -> Reply:
        email, transactional = given.get("email"), given.get("transactional", False)
        if not isinstance(email, str) or not email:
            return _bad('the address is missing: {"email": "..."}')
        if not isinstance(transactional, bool) and transactional not in ("true", "false"):
            return _bad("transactional is true or false")
        found = may_send(email, transactional=transactional in (True, "true"))
        return Reply({"allowed": found.allowed, "because": found.because})

    return Endpoint("/actions/check", answer)


def _bad(said: str, status: int = 400) -> Reply:
    return Reply({"error": "Bad Request" if status == 400 else "Not Found", "message": said}, status)
