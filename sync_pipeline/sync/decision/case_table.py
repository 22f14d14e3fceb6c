"""Who is right about a field: the case table, as data.

`crm` and `marketo` are the canonical values of the two sides, `base` is the value on which they last agreed, and
`known` tells whether they ever did. The first case that holds counts. A conflict is then resolved by the field's rule.
The table exists once: the SQL of a decision, the page in the docs and the tests all come from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync_pipeline.lake.sql import literal
from sync_pipeline.model import Rule


class Outcome(StrEnum):
    """What is to be done about one field of one link."""

    SAME = "same"
    TAKE_CRM = "take_crm"
    TAKE_MARKETO = "take_marketo"
    CONFLICT = "conflict"
    KEEP = "keep"  # the sides differ and stay so
    SKIP = "skip"  # they differ and stay so, which is on record


@dataclass(frozen=True)
class Case:
    """`when` is SQL over `crm`, `marketo`, `base`, `known`, `rule` and those named here.

    `marketo_id` is null where Marketo does not have the record, `crm_id` where the CRM does not, `waits` is true where
    the field refers to a record that is still on its way to Marketo, `by_crm` and `by_marketo` tell which side moved,
    `moved`, of a field that was chosen and has no base yet, which side changed it since: neither, crm, marketo, both,
    and `behind` that Marketo's value only moves forward and has gone past the CRM's; `gone` is true where the CRM
    deleted the record, and `tells_end` of the field that says so; `unfilled` that a mirror does not have its value;
    `consent` that by the field a person says no.
    """

    name: str
    when: str
    outcome: Outcome


TO_MARKETO, TO_CRM = f"rule = '{Rule.CRM_ONLY}'", f"rule = '{Rule.MARKETO_ONLY}'"


def opted_out(side: str) -> str:
    """Return SQL that tells whether a side's value of a field of consent says no: all but nothing, false, 0 and no."""
    return f"coalesce(try_cast({side} as boolean), {side} is not null)"


# Law 13: where both sides never agreed on a field of consent, the one that says no is right, whatever the rule.
NO_IN_CRM = f"consent and not known and {opted_out('crm')} and not {opted_out('marketo')}"
NO_IN_MARKETO = f"consent and not known and {opted_out('marketo')} and not {opted_out('crm')}"
# A new record gets no "yes": what stands for its address in Marketo, or by default in the CRM, counts until it is read.
NO_NEWS = "consent and not {}"

CASES: tuple[Case, ...] = (
    Case("the record was deleted in the CRM, and only that is told", "gone and not tells_end", Outcome.KEEP),
    # That a record was deleted, or is back, is the CRM's to tell, whatever the person says so far.
    Case("its value has not been read since it became visible (FIELD-4)", "unfilled and not tells_end", Outcome.KEEP),
    Case("the record it refers to is not in Marketo yet", "waits", Outcome.KEEP),
    Case(
        "new to Marketo, with nothing to bring",
        f"marketo_id is null and (crm is null or {TO_CRM} or {NO_NEWS.format(opted_out('crm'))})",
        Outcome.KEEP,
    ),
    Case("new to Marketo", "marketo_id is null", Outcome.TAKE_CRM),
    # A cycle creates nothing in the CRM (GEN-11); this is for what is asked for on demand (SF-LEAD-5).
    Case(
        "new to the CRM, with nothing to bring",
        f"crm_id is null and (marketo is null or {TO_MARKETO} or {NO_NEWS.format(opted_out('marketo'))})",
        Outcome.KEEP,
    ),
    Case("new to the CRM", "crm_id is null", Outcome.TAKE_MARKETO),
    Case("both sides agree", "crm is not distinct from marketo", Outcome.SAME),
    Case("no agreed value, and an opt-out in the CRM (law 13)", f"{NO_IN_CRM} and not {TO_CRM}", Outcome.TAKE_CRM),
    Case(
        "no agreed value, and an opt-out in Marketo (law 13)",
        f"{NO_IN_MARKETO} and not {TO_MARKETO}",
        Outcome.TAKE_MARKETO,
    ),
    Case(
        "no agreed value, and an opt-out where the field does not flow from (law 13)",
        f"({NO_IN_CRM}) or ({NO_IN_MARKETO})",
        Outcome.SKIP,
    ),
    Case(
        "chosen to be synced, and since then changed on neither side, or where it does not flow from (SF-CAMP-15)",
        f"moved = 'neither' or (moved = 'crm' and {TO_CRM}) or (moved = 'marketo' and {TO_MARKETO})",
        Outcome.KEEP,
    ),
    Case("chosen to be synced, and since then only the CRM changed it", "moved = 'crm'", Outcome.TAKE_CRM),
    Case("chosen to be synced, and since then only Marketo changed it", "moved = 'marketo'", Outcome.TAKE_MARKETO),
    # An edit in Marketo of what flows to it only stays until the CRM's record moves (SF-ACCOUNT-2 to 4), and likewise.
    Case(
        "the field flows to Marketo only, whose record alone moved",
        f"{TO_MARKETO} and known and not by_crm",
        Outcome.KEEP,
    ),
    Case("the field flows to Marketo only", TO_MARKETO, Outcome.TAKE_CRM),
    Case(
        "the field flows to the CRM only, whose record alone moved",
        f"{TO_CRM} and known and not by_marketo",
        Outcome.KEEP,
    ),
    # A CRM that has scores already keeps them until Marketo has one of its own: a first load empties nothing.
    Case(
        "the field flows to the CRM only, and was never filled",
        f"{TO_CRM} and not known and marketo is null",
        Outcome.KEEP,
    ),
    Case("the field flows to the CRM only", TO_CRM, Outcome.TAKE_MARKETO),
    Case("first meeting, Marketo is empty", "not known and marketo is null", Outcome.TAKE_CRM),
    Case("first meeting, the CRM is empty", "not known and crm is null", Outcome.TAKE_MARKETO),
    Case("first meeting, the values differ", "not known", Outcome.CONFLICT),
    Case(
        "only the CRM changed it, to a step that Marketo has passed (SF-CAMP-9)",
        "behind and marketo is not distinct from base",
        Outcome.SKIP,
    ),
    Case("only the CRM changed it", "marketo is not distinct from base", Outcome.TAKE_CRM),
    Case("only Marketo changed it", "crm is not distinct from base", Outcome.TAKE_MARKETO),
    Case("both sides changed it", "true", Outcome.CONFLICT),
)

# What each rule makes of a conflict; rules that let a field flow one way never come here.
RESOLUTIONS: dict[Rule, str] = {
    Rule.CRM_WINS: f"'{Outcome.TAKE_CRM}'",
    Rule.MARKETO_WINS: f"'{Outcome.TAKE_MARKETO}'",
    Rule.TRUE_WINS: f"if({opted_out('crm')}, '{Outcome.TAKE_CRM}', '{Outcome.TAKE_MARKETO}')",  # UNSUB-4
    # Of equal times, or none, the CRM's; a side without a time is not the newer one.
    Rule.NEWEST: (
        f"if(coalesce(crm_at >= marketo_at, marketo_at is null), '{Outcome.TAKE_CRM}', '{Outcome.TAKE_MARKETO}')"
    ),
}

# What keeps a chosen value from being written although the case table asks for it: the field stays as it is, and the
# refusal is on record. `taken` is the outcome; the rest tells what the two systems say of the field.
REFUSALS: tuple[tuple[str, str], ...] = (
    ("BLOCKED", f"taken = '{Outcome.TAKE_CRM}' and blocked and marketo is not null"),  # FIELD-15
    ("NOT_WRITABLE", f"taken = '{Outcome.TAKE_CRM}' and not marketo_writable"),
    ("NOT_WRITABLE", f"taken = '{Outcome.TAKE_MARKETO}' and not crm_writable"),
    ("REQUIRED", f"taken = '{Outcome.TAKE_MARKETO}' and marketo is null and crm_required"),
    ("STAYS", f"taken = '{Outcome.TAKE_CRM}' and crm is null and stays"),  # SF-CONTACT-10
    (
        "NOT_IN_PICKLIST",
        f"taken = '{Outcome.TAKE_MARKETO}' and len(picklist) > 0 "
        "and not coalesce(list_contains(picklist, marketo), true)",
    ),
    ("NOT_ASCII", f"taken = '{Outcome.TAKE_CRM}' and ascii_only and regexp_matches(crm, '[^\\x00-\\x7F]')"),  # FIELD-27
    (
        "TOO_LONG",  # FIELD-25
        f"taken = '{Outcome.TAKE_CRM}' and not truncates "
        "and (length(crm) > marketo_length or strlen(crm) > marketo_bytes)",
    ),
    ("TOO_LONG", f"taken = '{Outcome.TAKE_MARKETO}' and not truncates and length(marketo) > crm_length"),
)

REFUSED_BECAUSE = {
    "BLOCKED": "the CRM may fill the field but not overwrite it (FIELD-15)",
    "NOT_WRITABLE": "the field cannot be written by this user, or is computed",
    "REQUIRED": "the CRM does not let the field be empty",
    "STAYS": "Marketo lets a person go to another company, but to none (SF-CONTACT-10)",
    "NOT_IN_PICKLIST": "the CRM takes only the values of its picklist",
    "NOT_ASCII": "Marketo takes e-mail addresses in ASCII only (FIELD-27)",
    "TOO_LONG": "the other side cannot hold so long a value, which may not be cut (FIELD-25)",
}


def refusal_sql() -> str:
    """Return the SQL for the code of the first refusal that holds, or null."""
    return "case " + " ".join(f"when {when} then '{code}'" for code, when in REFUSALS) + " end"


def case_sql() -> str:
    """Return the SQL for the number of the case that holds."""
    return "case " + " ".join(f"when {case.when} then {number}" for number, case in enumerate(CASES)) + " end"


def name_sql(number: str) -> str:
    """Return the SQL for the name of a case."""
    return _of_case(number, [case.name for case in CASES])


def outcome_sql(number: str) -> str:
    """Return the SQL for the outcome of a case, before a conflict is resolved."""
    return _of_case(number, [case.outcome for case in CASES])


def _of_case(number: str, said: Sequence[str]) -> str:
    return f"case {number} " + " ".join(f"when {i} then {literal(one)}" for i, one in enumerate(said)) + " end"


def resolution_sql() -> str:
    """Return the SQL for what a field's rule makes of a conflict; what only moves forward is not moved back."""
    by_rule = " ".join(f"when '{rule}' then {then}" for rule, then in RESOLUTIONS.items())
    return f"if(behind, '{Outcome.TAKE_MARKETO}', case rule {by_rule} end)"
