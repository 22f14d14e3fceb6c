"""Members of programs as records. A membership's key is our own, program id and person id: `1001-17`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.marketo import writes
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict

PROGRAM, LEAD, STATUS = "programId", "leadId", "statusName"
IN_OR_PAST = "1037"  # already in or past this status: Marketo keeps what it has (SF-CAMP-8)

Place = tuple[int, int]


def write(calls: Calls, operation: Operation, records: Sequence[Record]) -> list[Answer]:
    """Make persons members, move them on, write their own fields, or remove them; an answer to each, in order.

    A status that Marketo skips because the person is past it is accepted as it is: what Marketo has instead, the next
    reading tells. All of this may be repeated, so a call whose answer was lost is to be tried again.

    Raises:
        ConnectorError: not even the first call went through.
    """
    places = [_place(record) for record in records]
    found: list[Answer | None] = [None] * len(records)
    if operation is Operation.DELETE:
        for program in sorted({program for program, _ in places}):
            some = [n for n, place in enumerate(places) if place[0] == program]
            _each(found, places, some, lambda leads, p=program: writes.remove_members(calls, p, leads))  # type: ignore[misc]
        return _all(found)
    steps = [(place[0], str(record.values.get(STATUS) or "")) for place, record in zip(places, records, strict=True)]
    for program, status in sorted({step for step in steps if step[1]}):
        some = [n for n, step in enumerate(steps) if step == (program, status)]
        _each(found, places, some, lambda leads, p=program, s=status: writes.set_status(calls, p, s, leads))  # type: ignore[misc]
    own = [{k: v for k, v in record.values.items() if k not in (PROGRAM, LEAD, STATUS)} for record in records]
    for program in sorted({program for program, _ in places}):
        some = [n for n, place in enumerate(places) if place[0] == program and own[n] and _may_go_on(found[n])]
        values = {places[n][1]: own[n] for n in some}
        _each(found, places, some, lambda _, p=program, v=values: writes.set_member_data(calls, p, v))  # type: ignore[misc]
    return _all(found)


def _place(record: Record) -> Place:
    if record.id:
        program, _, lead = record.id.partition("-")
        return int(program), int(lead)
    return int(record.values[PROGRAM] or 0), int(record.values[LEAD] or 0)


def _may_go_on(answer: Answer | None) -> bool:
    return answer is None or answer.verdict is Verdict.ACCEPTED


def _each(
    found: list[Answer | None],
    places: Sequence[Place],
    some: Sequence[int],
    send: Callable[[Sequence[int]], Sequence[Answer]],
) -> None:
    """Send some of the records, and put their answers in place; a new membership stays new whatever comes after."""
    if not some:
        return
    try:
        told = send([places[n][1] for n in some])
    except ConnectorError as error:
        if not any(found):
            raise
        told = [Answer(Verdict.RETRY, code=error.code, message=error.message)] * len(some)
    for n, answer in zip(some, told, strict=True):
        before, (program, lead) = found[n], places[n]
        accepted = answer.verdict is Verdict.ACCEPTED or answer.code == IN_OR_PAST
        verdict = Verdict.ACCEPTED if accepted else answer.verdict
        created = answer.created or bool(before and before.created)
        found[n] = Answer(verdict, f"{program}-{lead}", created, answer.code, answer.message, answer.blames)


def _all(found: Sequence[Answer | None]) -> list[Answer]:
    nothing = Answer(Verdict.REJECTED, code="NOTHING_TO_WRITE", message="a membership needs a status")
    return [answer or nothing for answer in found]
