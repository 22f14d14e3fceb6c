"""What a field can hold, as far as its system's describe and documentation tell it, and the check before a write. Pure.

A value that does not fit costs this field of this record; the others of the record are written. What is checked here
would surely be refused. What only the system can tell, it is asked, and then blames on fields: see `declined`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Field
from sync_pipeline.sync.decision.case_table import REFUSED_BECAUSE, Outcome
from sync_pipeline.sync.mapping.canonical import DATE, DOUBLE, FORMS, INTEGER, STAMP
from sync_pipeline.sync.mapping.compared import Compared

INT_32, INT_64 = 2**31 - 1, 2**63 - 1
WHOLE = frozenset({"int", "integer", "score"})  # of 32 bits in both systems (decision 24)
# What no system takes for an address. Each is stricter in its own way, and says so of the address it is sent.
ADDRESS = r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+"
# Salesforce: "Only dates within a certain range are valid" (SOQL, date formats). Marketo documents no range.
DAYS = ("1700-01-01", "4000-12-31")

INTO = {"crm": Outcome.TAKE_MARKETO, "marketo": Outcome.TAKE_CRM}
SENT = f"case taken when '{Outcome.TAKE_CRM}' then crm when '{Outcome.TAKE_MARKETO}' then marketo end"

# Code, SQL over the value `sent` and what the field of the other side can hold, why, and what to do about it.
CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "WRONG_TYPE",
        "not regexp_full_match(sent, form) or (day and try_cast(left(sent, 10) as date) is null)",
        "the field of the other side has another type, which has no such value",
    ),
    (
        "OUT_OF_RANGE",
        "not coalesce(round(try_cast(sent as double), decimals) between least and most, least is null) "
        "or (day and left(sent, 10) not between first_day and last_day)",
        "the number has more digits, or the date is earlier or later, than the field of the other side can hold",
    ),
    (
        "BAD_EMAIL",
        f"address and not regexp_full_match(sent, '{ADDRESS}')",
        "it is no e-mail address",
    ),
    (
        "NOT_IN_PICKLIST",
        "len(items) > 0 and not list_has_all(items, list_transform(string_split(sent, ';'), lambda i: trim(i)))",
        REFUSED_BECAUSE["NOT_IN_PICKLIST"],
    ),
    (
        "TOO_LONG",
        "strlen(sent) > octets",
        REFUSED_BECAUSE["TOO_LONG"],
    ),
)
BECAUSE = REFUSED_BECAUSE | {code: because for code, _, because in CHECKS if code not in REFUSED_BECAUSE}
TO_DO = {
    "BLOCKED": "allow it, or let the two differ",
    "NOT_WRITABLE": "give the sync user the right to edit it, or map the field one way",
    "REQUIRED": "fill it in Marketo",
    "STAYS": "move the person to another company",
    "NOT_IN_PICKLIST": "correct the value, or add it to the picklist",
    "NOT_ASCII": "correct the address",
    "TOO_LONG": "shorten the value",
    "WRONG_TYPE": "correct the value, or map a field of another type",
    "OUT_OF_RANGE": "correct the value, or map a field that holds more, as a text does",
    "BAD_EMAIL": "correct the address",
}


@dataclass(frozen=True)
class Capacity:
    """What one field holds; None and empty say that nothing is known to be refused.

    Attributes:
        form: regular expression for a value's text.
        least, most, decimals: of numbers; the system rounds to so many decimals.
        days: first and last of dates and times.
        address: whether it holds e-mail addresses.
        items: of a multi-select, the only ones that are taken.
        octets: most bytes of UTF-8.
    """

    form: str | None = None
    least: float | None = None
    most: float | None = None
    decimals: int = 0
    days: tuple[str, str] | None = None
    address: bool = False
    items: tuple[str, ...] = ()
    octets: int | None = None


def capacity(field: Field, side: str) -> Capacity:
    """Return what a field of a side holds."""
    is_percent = side == "marketo" and field.type == "percent"  # a whole number there
    kind = INTEGER if is_percent else column_type(field)
    most = float(INT_32) if is_percent else _most(field)
    return Capacity(
        form=FORMS.get(kind),
        least=None if most is None else -most,
        most=most,
        decimals=field.scale if field.precision and not field.fractional else 6 if kind == DOUBLE else 0,
        days=(DAYS if side == "crm" else ("0000-01-01", "9999-12-31")) if kind in (DATE, STAMP) else None,
        address=field.type == "email",
        items=field.picklist if field.type == "multipicklist" and field.restricted else (),
        octets=field.octets or None,
    )


def _most(field: Field) -> float | None:
    """Return the largest number that a field holds, None of what is no number."""
    kind = column_type(field)
    if kind == INTEGER:
        digits = field.digits or field.precision
        return float(min(INT_32 if field.type in WHOLE else INT_64, 10**digits - 1 if digits else INT_64))
    if kind == DOUBLE and field.precision:
        return 10.0 ** (field.precision - field.scale) - 10.0**-field.scale
    return sys.float_info.max if kind == DOUBLE else None


def code_sql() -> str:
    """Return SQL for the code of the first check that fails, or null; over `sent` and the columns of `rows_sql`."""
    cases = " ".join(f"when coalesce({when}, false) then '{code}'" for code, when, _ in CHECKS)
    return f"case when sent is null then null {cases} end"


LIMITS = "form, least, most, decimals, day, first_day, last_day, address, items, octets"


def rows_sql(fields: Iterable[Compared]) -> str:
    """Return SQL for a row a field and direction, by `taken`: what the side that is written to can hold.

    References are told apart: they hold ids that the other system gave.
    """
    rows = commas(
        _row(field.name, INTO[side], capacity(one, side))
        for field in fields
        if not field.refers_to
        for side, one in (("crm", field.crm), ("marketo", field.marketo))
        if capacity(one, side) != Capacity()
    )
    nothing = _row("", "", Capacity())
    return f"select * from (values {commas(filter(None, (nothing, rows)))}) held(field, taken, {LIMITS})"


def _row(name: str, taken: str, held: Capacity) -> str:
    first, last = held.days or (None, None)
    return (
        f"({literal(name)}, {literal(str(taken))}, {literal(held.form)}::varchar, {literal(held.least)}::double, "
        f"{literal(held.most)}::double, {literal(held.decimals)}, {literal(held.days is not None)}, "
        f"{literal(first)}::varchar, {literal(last)}::varchar, {literal(held.address)}, "
        f"[{commas(map(literal, held.items))}]::varchar[], {literal(held.octets)}::bigint)"
    )


def message_sql(code: str) -> str:
    """Return SQL for why a refused field was not written and what to do, of a code of ours; null of any other."""
    said = " ".join(f"when {literal(one)} then {literal(f': {BECAUSE[one]}; {TO_DO[one]}')}" for one in BECAUSE)
    return f"case {code} {said} end"
