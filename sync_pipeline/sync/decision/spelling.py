"""The other side's spelling of our own write: what a system keeps of a value otherwise than it was sent.

A text is cut, an address put in lower case, a list put in order. The first value that is read after our write, with no
other author, is that system's form of what was sent: both sides agree on what was sent, the form is kept on the link
and noted once, and nothing is sent back. Any later value is an edit. See docs/decisions/0032.
"""

from __future__ import annotations

from datetime import timedelta

from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO

# What a link tells of its values: what both sides agreed on, which fields the last write to each side had and when it
# was answered, and by side and field what was sent and the form in which the side keeps it.
SENT = ("crm_sent", "marketo_sent", "spelled")
COLUMNS = ("agreed", "crm_written_at", "marketo_written_at", *SENT)
# A system stamps a record before it answers, but our view of its clock comes from headers of whole seconds.
MARGIN = timedelta(seconds=2)
AUTHOR = "LastModifiedById"  # of the CRM's records; Marketo tells of no author
NEW, NOTED = "new", "noted"
BECAUSE = {
    CRM: "the CRM keeps what was sent in a form of its own",
    MARKETO: "Marketo keeps what was sent in a form of its own",
}


def of_link(alias: str) -> str:
    """Return SQL for the columns of a link that `outcomes` needs of each record in `touched`."""
    return commas(f"{alias}.{name}" for name in COLUMNS)


def _may_be_spelled(request: DecisionRequest, field: Compared) -> bool:
    """Tell whether a side may keep a field's value in a form of its own.

    What says which record it is, or names another one, is that value or another record: after a merge a person carries
    the other record's id.
    """
    identifies = field.is_key or bool(field.refers_to) or request.pairing.key == field.name
    return not (identifies or field.remapped or field.consent)


def sent_sql(request: DecisionRequest, field: Compared) -> str:
    """Return SQL for what a link tells of a field on each side: the form noted there, and whether it was sent last.

    What was emptied has no form: a value in its place is somebody's. Nor has consent: an opt-out that stands
    against our write, as Marketo's durable unsubscribe does, is to be heard on both sides (law 13).
    """
    if not _may_be_spelled(request, field):
        return commas(f"{side}_noted: null::varchar[], {side}_due: false" for side in (CRM, MARKETO))
    return commas(
        f"{side}_noted: t.spelled[{literal(f'{side}.{field.name}')}], "
        f"{side}_due: coalesce(list_contains(t.{side}_sent, {literal(field.name)}), false)"
        for side in (CRM, MARKETO)
    )


def form_sql(side: str) -> str:
    """Return SQL that tells whether a side's value is its form of the agreed one: `new`, `noted`, or null."""
    ours = f"{side}_due and {side}_untouched and ({side}_sure or {is_form(side, 'base')})"
    return (
        f"case when not known or base is null or {side} is not distinct from base then null "
        f"when {side}_noted = [base, {side}] then '{NOTED}' when {ours} then '{NEW}' end"
    )


def is_form(value: str, sent: str) -> str:
    """Return SQL that tells whether a plain rule makes a value of what was sent.

    It is cut, in another case, without blanks, a list in another order, a telephone number in another form, or rounded.
    """
    items, digits, places = (
        [form.format(x) for x in (value, sent)]
        for form in (
            r"list_sort(string_split(lower(regexp_replace({}, '\s', '', 'g')), ';'))",
            r"regexp_replace({}, '\D', '', 'g')",
            "length(rtrim(split_part({}, '.', 2), '0'))",
        )
    )
    phone, number = (
        " and ".join(f"regexp_full_match({x}, '{form}')" for x in (value, sent))
        for form in (r"[\d\s()+./-]*\d[\d\s()+./-]*", r"-?\d+(\.\d+)?")
    )
    apart = f"abs(try_cast({value} as double) - try_cast({sent} as double))"
    return (
        f"coalesce({items[0]} = {items[1]} "
        f"or if({number}, {places[0]} < {places[1]} and {apart} < pow(10, -{places[0]}), "
        f"starts_with({sent}, {value}) or ({phone} and {digits[0]} = {digits[1]})), false)"
    )


def tried_sql(request: DecisionRequest, field: Compared) -> dict[str, str]:
    """Return SQL for what was tried on each side without an answer, null where it can have no form there.

    The record must have moved since the attempt began, and the CRM's may name no other author.
    """
    if not _may_be_spelled(request, field):
        return dict.fromkeys((CRM, MARKETO), "null::varchar[]")
    found = {}
    for side, of, name in ((CRM, "c", field.crm.name), (MARKETO, "m", field.name)):
        moved = f"{of}.{quoted(request.pairing.object(side).stamp)} >= a.begun_at - interval '{MARGIN.seconds} seconds'"
        found[side] = f"if({moved}{_author(request, side)}, a.sent[{literal(f'{side}.{name}')}], null)"
    return found


def _author(request: DecisionRequest, side: str) -> str:
    """Return SQL, to be added to a condition, that holds where a record of the CRM names us as its last author."""
    return f" and c.{quoted(AUTHOR)} = {literal(request.author)}" if side == CRM and request.author else ""


def ours_sql(request: DecisionRequest, side: str) -> str:
    """Return SQL for whether a record may have no other author since our last write to it, and whether that is sure.

    Its stamp must be that of our write: what has moved since counts as edited. The CRM's record names its last author
    besides, so that an edit of the same moment is told from our write. Where no author is told, the seconds of doubt
    about the other clock may be a user's, so that only what a plain rule makes of our value counts there.
    """
    stamp = f"{'c' if side == CRM else 'm'}.{quoted(request.pairing.object(side).stamp)}"
    author = _author(request, side)
    untouched = f"{stamp} <= t.{side}_written_at + interval '{MARGIN.seconds} seconds'{author}"
    sure = "true" if author else f"coalesce({stamp} <= t.{side}_written_at, false)"
    return f"coalesce({untouched}, false) as {side}_untouched, {sure} as {side}_sure"
