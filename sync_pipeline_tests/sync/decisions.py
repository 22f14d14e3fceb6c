"""What the case table, the rules and the refusals are asked, and what they should answer, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.model import Rule
from sync_pipeline.sync.decision.case_table import Outcome

Given = Mapping[str, Any]
Row = tuple[Any, Given]

TEXTS = frozenset({"crm", "marketo", "base", "marketo_id", "crm_id", "moved", "rule", "taken"})
TYPES = {
    **dict.fromkeys(TEXTS, "varchar"),
    **dict.fromkeys(("crm_at", "marketo_at", "crm_length", "marketo_length", "marketo_bytes"), "integer"),
    "picklist": "varchar[]",
}

USUAL: dict[str, Any] = {
    "crm": "a",
    "marketo": "a",
    "base": "a",
    "known": True,
    "rule": Rule.CRM_WINS,
    "waits": False,
    "marketo_id": "7",
    "crm_id": "8",
    "by_crm": True,
    "by_marketo": True,
    "crm_at": 1,
    "marketo_at": 2,
    "behind": False,
    "gone": False,
    "tells_end": False,
    "moved": None,
    "unfilled": False,
    "consent": False,
}

GONE = "the record was deleted in the CRM, and only that is told"
UNREAD = "its value has not been read since it became visible (FIELD-4)"
WAITS = "the record it refers to is not in Marketo yet"
NO_NEWS_TO_MARKETO, NEW_TO_MARKETO = "new to Marketo, with nothing to bring", "new to Marketo"
NO_NEWS_TO_CRM, NEW_TO_CRM = "new to the CRM, with nothing to bring", "new to the CRM"
AGREE = "both sides agree"
NO_IN_CRM = "no agreed value, and an opt-out in the CRM (law 13)"
NO_IN_MARKETO = "no agreed value, and an opt-out in Marketo (law 13)"
NO_STAYS = "no agreed value, and an opt-out where the field does not flow from (law 13)"
CHOSEN = "chosen to be synced, and since then changed on neither side, or where it does not flow from (SF-CAMP-15)"
CHOSEN_CRM = "chosen to be synced, and since then only the CRM changed it"
CHOSEN_MARKETO = "chosen to be synced, and since then only Marketo changed it"
TO_MARKETO_ONLY, MARKETO_MOVED = (
    "the field flows to Marketo only",
    "the field flows to Marketo only, whose record alone moved",
)
TO_CRM_ONLY, CRM_MOVED = "the field flows to the CRM only", "the field flows to the CRM only, whose record alone moved"
NEVER_FILLED = "the field flows to the CRM only, and was never filled"
MARKETO_EMPTY, CRM_EMPTY = "first meeting, Marketo is empty", "first meeting, the CRM is empty"
MEETING = "first meeting, the values differ"
PASSED = "only the CRM changed it, to a step that Marketo has passed (SF-CAMP-9)"
CRM_CHANGED, MARKETO_CHANGED = "only the CRM changed it", "only Marketo changed it"
BOTH_CHANGED = "both sides changed it"

OUTCOMES = {
    **dict.fromkeys((GONE, UNREAD, WAITS, NO_NEWS_TO_MARKETO, NO_NEWS_TO_CRM), Outcome.KEEP),
    **dict.fromkeys((CHOSEN, MARKETO_MOVED, CRM_MOVED, NEVER_FILLED), Outcome.KEEP),
    **dict.fromkeys((NEW_TO_MARKETO, NO_IN_CRM, CHOSEN_CRM, TO_MARKETO_ONLY, MARKETO_EMPTY), Outcome.TAKE_CRM),
    CRM_CHANGED: Outcome.TAKE_CRM,
    **dict.fromkeys((NEW_TO_CRM, NO_IN_MARKETO, CHOSEN_MARKETO, TO_CRM_ONLY, CRM_EMPTY), Outcome.TAKE_MARKETO),
    MARKETO_CHANGED: Outcome.TAKE_MARKETO,
    **dict.fromkeys((NO_STAYS, PASSED), Outcome.SKIP),
    **dict.fromkeys((MEETING, BOTH_CHANGED), Outcome.CONFLICT),
    AGREE: Outcome.SAME,
}

NEW_HERE: Given = {"marketo_id": None, "marketo": None, "base": None, "known": False}
NEW_THERE: Given = {"crm_id": None, "crm": None, "base": None, "known": False}
MET: Given = {"base": None, "known": False}
CONSENT: Given = {**MET, "consent": True}
NO_OF_CRM: Given = {**CONSENT, "crm": "true", "marketo": "false"}
NO_OF_MARKETO: Given = {**CONSENT, "crm": "false", "marketo": "true"}
ONLY_TO_MARKETO, ONLY_TO_CRM = {"rule": Rule.CRM_ONLY}, {"rule": Rule.MARKETO_ONLY}

# The case that holds, and what differs from USUAL.
CASE_ROWS: Sequence[Row] = (
    (GONE, {"gone": True, "crm": "b"}),
    (GONE, {"gone": True}),
    (GONE, {"gone": True, "unfilled": True}),
    (UNREAD, {"unfilled": True, "crm": None}),
    (UNREAD, {"unfilled": True}),
    (UNREAD, {"unfilled": True, "waits": True}),
    (TO_MARKETO_ONLY, {**ONLY_TO_MARKETO, "unfilled": True, "tells_end": True, "gone": True, "crm": "b"}),
    (TO_MARKETO_ONLY, {**ONLY_TO_MARKETO, "unfilled": True, "tells_end": True, "crm": "b"}),
    (WAITS, {"waits": True, "crm": "b"}),
    (WAITS, {**NEW_HERE, "waits": True}),
    (WAITS, {**NEW_HERE, "waits": True, "crm": None}),
    (NO_NEWS_TO_MARKETO, {**NEW_HERE, "crm": None}),
    (NO_NEWS_TO_MARKETO, {**NEW_HERE, **ONLY_TO_CRM}),
    (NO_NEWS_TO_MARKETO, {**NEW_HERE, "consent": True, "crm": "false"}),
    (NEW_TO_MARKETO, NEW_HERE),
    (NEW_TO_MARKETO, {**NEW_HERE, **ONLY_TO_MARKETO}),
    (NEW_TO_MARKETO, {**NEW_HERE, "crm": "false"}),
    (NEW_TO_MARKETO, {**NEW_HERE, "consent": True, "crm": "true"}),
    (NEW_TO_MARKETO, {**NEW_HERE, "consent": True}),
    (NO_NEWS_TO_CRM, {**NEW_THERE, "marketo": None}),
    (NO_NEWS_TO_CRM, {**NEW_THERE, **ONLY_TO_MARKETO}),
    (NO_NEWS_TO_CRM, {**NEW_THERE, "consent": True, "marketo": "false"}),
    (NEW_TO_CRM, NEW_THERE),
    (NEW_TO_CRM, {**NEW_THERE, **ONLY_TO_CRM}),
    (NEW_TO_CRM, {**NEW_THERE, "marketo": "false"}),
    (NEW_TO_CRM, {**NEW_THERE, "consent": True, "marketo": "true"}),
    (NEW_TO_CRM, {**NEW_THERE, "consent": True}),
    (AGREE, {}),
    (AGREE, {"crm": None, "marketo": None}),
    (AGREE, {**MET, "moved": "neither"}),
    (AGREE, {"base": "b", **ONLY_TO_MARKETO}),
    (NO_IN_CRM, NO_OF_CRM),
    *((NO_IN_CRM, {**NO_OF_CRM, "rule": rule}) for rule in Rule if rule is not Rule.MARKETO_ONLY),
    (NO_IN_CRM, {**NO_OF_CRM, "moved": "neither"}),
    (NO_IN_CRM, {**NO_OF_CRM, "moved": "marketo"}),
    (NO_IN_CRM, {**NO_OF_CRM, "crm": "1", "marketo": None}),
    (NO_IN_CRM, {**NO_OF_CRM, "crm": "since March"}),
    (NO_IN_MARKETO, NO_OF_MARKETO),
    *((NO_IN_MARKETO, {**NO_OF_MARKETO, "rule": rule}) for rule in Rule if rule is not Rule.CRM_ONLY),
    (NO_IN_MARKETO, {**NO_OF_MARKETO, "moved": "neither"}),
    (NO_IN_MARKETO, {**NO_OF_MARKETO, "moved": "crm"}),
    (NO_IN_MARKETO, {**NO_OF_MARKETO, "marketo": "yes", "crm": None}),
    (NO_IN_MARKETO, {**NO_OF_MARKETO, "marketo": "since March"}),
    (NO_STAYS, {**NO_OF_CRM, **ONLY_TO_CRM}),
    (NO_STAYS, {**NO_OF_CRM, **ONLY_TO_CRM, "moved": "neither"}),
    (NO_STAYS, {**NO_OF_CRM, **ONLY_TO_CRM, "marketo": None}),
    (NO_STAYS, {**NO_OF_CRM, **ONLY_TO_CRM, "crm": "since March"}),
    (NO_STAYS, {**NO_OF_MARKETO, **ONLY_TO_MARKETO}),
    (NO_STAYS, {**NO_OF_MARKETO, **ONLY_TO_MARKETO, "crm": None}),
    (NO_STAYS, {**NO_OF_MARKETO, **ONLY_TO_MARKETO, "marketo": "since March"}),
    (MEETING, {**CONSENT, "crm": "true", "marketo": "1"}),
    (MEETING, {**CONSENT, "crm": "false", "marketo": "no"}),
    (TO_MARKETO_ONLY, {**CONSENT, **ONLY_TO_MARKETO, "crm": "true", "marketo": "1"}),
    (TO_MARKETO_ONLY, {**CONSENT, **ONLY_TO_MARKETO, "crm": "false", "marketo": "no"}),
    (TO_CRM_ONLY, {**CONSENT, **ONLY_TO_CRM, "crm": "true", "marketo": "1"}),
    (TO_CRM_ONLY, {**CONSENT, **ONLY_TO_CRM, "crm": "false", "marketo": "no"}),
    (MEETING, {**NO_OF_CRM, "consent": False}),
    (MEETING, {**NO_OF_MARKETO, "consent": False}),
    (TO_CRM_ONLY, {**NO_OF_CRM, **ONLY_TO_CRM, "consent": False}),
    (TO_MARKETO_ONLY, {**NO_OF_MARKETO, **ONLY_TO_MARKETO, "consent": False}),
    (MARKETO_CHANGED, {"consent": True, "crm": "true", "marketo": "false", "base": "true"}),
    (CRM_CHANGED, {"consent": True, "crm": "false", "marketo": "true", "base": "true"}),
    (TO_CRM_ONLY, {**ONLY_TO_CRM, "consent": True, "crm": "true", "marketo": "false", "base": "true"}),
    (TO_MARKETO_ONLY, {**ONLY_TO_MARKETO, "consent": True, "crm": "false", "marketo": "true", "base": "true"}),
    (CHOSEN, {**MET, "marketo": "b", "moved": "neither"}),
    (CHOSEN, {**MET, "marketo": "b", "moved": "crm", **ONLY_TO_CRM}),
    (CHOSEN, {**MET, "marketo": "b", "moved": "marketo", **ONLY_TO_MARKETO}),
    (CHOSEN, {**MET, "marketo": "b", "moved": "neither", **ONLY_TO_MARKETO}),
    (CHOSEN_CRM, {**MET, "marketo": "b", "moved": "crm"}),
    (CHOSEN_CRM, {**MET, "marketo": "b", "moved": "crm", **ONLY_TO_MARKETO}),
    (CHOSEN_MARKETO, {**MET, "marketo": "b", "moved": "marketo"}),
    (CHOSEN_MARKETO, {**MET, "marketo": "b", "moved": "marketo", **ONLY_TO_CRM}),
    (MEETING, {**MET, "marketo": "b", "moved": "both"}),
    (MARKETO_MOVED, {**ONLY_TO_MARKETO, "marketo": "b", "by_crm": False}),
    (TO_MARKETO_ONLY, {**ONLY_TO_MARKETO, "marketo": "b"}),
    (TO_MARKETO_ONLY, {**ONLY_TO_MARKETO, "marketo": "b", "gone": True, "tells_end": True}),
    (TO_MARKETO_ONLY, {**ONLY_TO_MARKETO, **MET, "marketo": "b", "by_crm": False}),
    (CRM_MOVED, {**ONLY_TO_CRM, "crm": "b", "by_marketo": False}),
    (TO_CRM_ONLY, {**ONLY_TO_CRM, "crm": "b"}),
    (TO_CRM_ONLY, {**ONLY_TO_CRM, "crm": "b", "marketo": None}),
    (TO_CRM_ONLY, {**ONLY_TO_CRM, **MET, "crm": "b", "by_marketo": False}),
    (NEVER_FILLED, {**ONLY_TO_CRM, **MET, "crm": "b", "marketo": None}),
    (MARKETO_EMPTY, {**MET, "marketo": None}),
    (MARKETO_EMPTY, {**MET, "marketo": None, "behind": True}),
    (CRM_EMPTY, {**MET, "crm": None}),
    (MEETING, {**MET, "marketo": "b"}),
    (MEETING, {**MET, "marketo": "b", "behind": True}),
    (PASSED, {"crm": "b", "behind": True}),
    (PASSED, {"crm": "b", "marketo": None, "base": None, "behind": True}),
    (CRM_CHANGED, {"crm": "b"}),
    (CRM_CHANGED, {"crm": None}),
    (CRM_CHANGED, {"marketo": None, "base": None}),
    (CRM_CHANGED, {"crm": "b", "by_marketo": False}),
    (MARKETO_CHANGED, {"marketo": "b"}),
    (MARKETO_CHANGED, {"marketo": "b", "by_crm": False}),
    (MARKETO_CHANGED, {"marketo": "b", "behind": True}),
    (MARKETO_CHANGED, {"marketo": "b", "base": None, "crm": None}),
    (BOTH_CHANGED, {"crm": "b", "marketo": "c"}),
    (BOTH_CHANGED, {"crm": "b", "marketo": "c", "behind": True}),
    (BOTH_CHANGED, {"crm": "b", "marketo": "c", "base": None}),
)

CONFLICT: dict[str, Any] = {**USUAL, "crm": "a", "marketo": "b", "base": "c"}
TICKED, CLEARED = {"crm": "true", "marketo": "false"}, {"crm": "false", "marketo": "true"}
# What is taken of a conflict, and what differs from CONFLICT.
CONFLICT_ROWS: Sequence[Row] = (
    (Outcome.TAKE_CRM, {"rule": Rule.CRM_WINS}),
    (Outcome.TAKE_MARKETO, {"rule": Rule.MARKETO_WINS}),
    *((Outcome.TAKE_MARKETO, {"rule": rule, "behind": True, **TICKED, "crm_at": 3}) for rule in Rule),
    (Outcome.TAKE_CRM, {"rule": Rule.TRUE_WINS, **TICKED}),
    (Outcome.TAKE_MARKETO, {"rule": Rule.TRUE_WINS, **CLEARED}),
    (Outcome.TAKE_MARKETO, {"rule": Rule.TRUE_WINS, "crm": None, "marketo": "true"}),
    (Outcome.TAKE_CRM, {"rule": Rule.TRUE_WINS, "crm": "since March", "marketo": None}),
    (Outcome.TAKE_MARKETO, {"rule": Rule.NEWEST, "crm_at": 1, "marketo_at": 2}),
    (Outcome.TAKE_CRM, {"rule": Rule.NEWEST, "crm_at": 3, "marketo_at": 2}),
    (Outcome.TAKE_CRM, {"rule": Rule.NEWEST, "crm_at": 2, "marketo_at": 2}),
    (Outcome.TAKE_CRM, {"rule": Rule.NEWEST, "crm_at": 2, "marketo_at": None}),
    (Outcome.TAKE_MARKETO, {"rule": Rule.NEWEST, "crm_at": None, "marketo_at": 2}),
    (Outcome.TAKE_CRM, {"rule": Rule.NEWEST, "crm_at": None, "marketo_at": None}),
)

REFUSABLE: dict[str, Any] = {
    "crm": "a",
    "marketo": "b",
    "taken": Outcome.TAKE_CRM,
    "blocked": False,
    "marketo_writable": True,
    "crm_writable": True,
    "crm_required": False,
    "crm_length": 5,
    "marketo_length": 5,
    "marketo_bytes": None,
    "ascii_only": False,
    "truncates": True,
    "stays": False,
    "picklist": [],
}
TO_CRM: Given = {"taken": Outcome.TAKE_MARKETO}
WHOLE: Given = {"truncates": False}
# The refusal, if there is one, and what differs from REFUSABLE.
REFUSAL_ROWS: Sequence[Row] = (
    (None, {}),
    (None, TO_CRM),
    ("BLOCKED", {"blocked": True}),
    ("BLOCKED", {"blocked": True, "marketo_writable": False}),
    (None, {"blocked": True, "marketo": None}),
    (None, {**TO_CRM, "blocked": True}),
    ("NOT_WRITABLE", {"marketo_writable": False}),
    ("NOT_WRITABLE", {"marketo_writable": False, "stays": True, "crm": None}),
    (None, {**TO_CRM, "marketo_writable": False}),
    ("NOT_WRITABLE", {**TO_CRM, "crm_writable": False}),
    ("NOT_WRITABLE", {**TO_CRM, "crm_writable": False, "crm_required": True, "marketo": None}),
    (None, {"crm_writable": False}),
    ("REQUIRED", {**TO_CRM, "crm_required": True, "marketo": None}),
    (None, {**TO_CRM, "crm_required": True}),
    (None, {"crm_required": True, "marketo": None}),
    (None, {**TO_CRM, "marketo": None}),
    ("NOT_IN_PICKLIST", {**TO_CRM, "picklist": ["x"]}),
    ("NOT_IN_PICKLIST", {**TO_CRM, **WHOLE, "picklist": ["x"], "marketo": "abcdef"}),
    (None, {**TO_CRM, "picklist": ["b"]}),
    (None, {**TO_CRM, "picklist": ["x"], "marketo": None}),
    (None, {"picklist": ["x"]}),
    ("STAYS", {"stays": True, "crm": None}),
    (None, {"stays": True}),
    (None, {"crm": None}),
    (None, {**TO_CRM, "stays": True, "crm": None}),
    ("NOT_ASCII", {"ascii_only": True, "crm": "ä@b.c"}),
    ("NOT_ASCII", {**WHOLE, "ascii_only": True, "crm": "äaaaaa@b.c"}),
    (None, {"ascii_only": True}),
    (None, {"crm": "ä@b.c"}),
    (None, {**TO_CRM, "ascii_only": True, "crm": "ä@b.c"}),
    ("TOO_LONG", {**WHOLE, "crm": "abcdef"}),
    (None, {**WHOLE, "crm": "abcde"}),
    (None, {"crm": "abcdef"}),
    (None, {**TO_CRM, **WHOLE, "crm": "abcdef"}),
    ("TOO_LONG", {**WHOLE, "crm": "ääa", "marketo_bytes": 4}),
    ("TOO_LONG", {**WHOLE, "crm": "ääa", "marketo_bytes": 4, "marketo_length": None}),
    ("TOO_LONG", {**WHOLE, "crm": "abcdef", "marketo_bytes": 9}),
    (None, {**WHOLE, "crm": "ää", "marketo_bytes": 4}),
    ("TOO_LONG", {**TO_CRM, **WHOLE, "marketo": "abcdef"}),
    (None, {**TO_CRM, **WHOLE, "marketo": "abcde"}),
    (None, {**TO_CRM, "marketo": "abcdef"}),
    (None, {**WHOLE, "marketo": "abcdef"}),
)


def load(con: duckdb.DuckDBPyConnection, table: str, usual: Given, rows: Iterable[Row]) -> None:
    """Make a table of rows: their place, what is given and what is expected."""
    values = []
    for place, (expected, differs) in enumerate(rows):
        assert differs.keys() <= usual.keys()
        given = {**usual, **differs}.items()
        columns = commas(f"{_sql(value)}::{TYPES.get(name, 'boolean')} as {name}" for name, value in given)
        values.append(f"select {place} as place, {literal(expected)}::varchar as expected, {columns}")
    con.execute(f"create or replace table {table} as {' union all '.join(values)}")


def _sql(value: Any) -> str:
    return f"[{commas(map(literal, value))}]" if isinstance(value, list) else literal(value)


# All that can be given, as far as it can go together. What keeps a field as it is, whatever its values, is tried with
# records that both moved.
POSSIBLE = """
    with value as (select unnest([null, 'true', 'false', 'a']) as v), flag as (select unnest([true, false]) as v),
    ids as (
        select * from (values ('7', '8'), (null, '8'), ('7', null)) t(marketo_id, crm_id)
    ), "values" as (
        select marketo_id, crm_id, c.v as crm, m.v as marketo, k.v as known, b.v as base
        from ids, value c, value m, value b, flag k
        where if(k.v, marketo_id is not null and crm_id is not null, b.v is null)
            and (marketo_id is not null or m.v is null) and (crm_id is not null or c.v is null)
    ), states as (
        select g.v as gone, e.v as tells_end, u.v as unfilled, w.v as waits, bc.v as by_crm, bm.v as by_marketo,
            h.v as behind
        from flag g, flag e, flag u, flag w, flag bc, flag bm, flag h
        where not (g.v or u.v or w.v) or (bc.v and bm.v and not h.v)
    )
    select * from "values", states, (select v as consent from flag), (select unnest($rules::varchar[]) as rule),
        (select unnest([null, 'neither', 'crm', 'marketo', 'both']) as moved),
        (select 1 as crm_at, 2 as marketo_at)
    where not (known and moved is not null) and not (gone and (marketo_id is null or crm_id is null))
"""
REFUSABLE_AT_ALL = """
    with text as (select unnest([null, 'a', 'abcdef', 'ä', 'ääa']) as v), flag as (select unnest([true, false]) as v),
    most as (select unnest([null, 5]) as v)
    select c.v as crm, m.v as marketo, b.v as blocked, mw.v as marketo_writable, cw.v as crm_writable,
        r.v as crm_required, s.v as stays, a.v as ascii_only, t.v as truncates, cl.v as crm_length,
        cl.v as marketo_length, mb.v as marketo_bytes, taken, picklist
    from text c, text m, flag b, flag mw, flag cw, flag r, flag s, flag a, flag t, most cl, most mb,
        (select unnest(['take_crm', 'take_marketo', 'same']) as taken), (select unnest([[], ['a'], ['x']]) as picklist)
"""
