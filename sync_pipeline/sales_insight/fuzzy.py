"""Who may be one and the same person though no address says so: pairs of records with a probability, by Splink.

An extra (`pip install sync-pipeline[fuzzy]`), off unless it is asked for. The model is the one of Fellegi and Sunter:
each comparison is evidence for or against a match, weighed by how often it agrees among records of one person and among
any two. Its weights are stated here and not learnt, so that a report says the same each time and of few records too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake import Lake
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.mirrors import TEXT, TRUTH, Mirrors, links, look

FUZZY = full_name(*tables.FUZZY.table)
EXPECTED = 0.2  # matching pairs for each record: the evidence decides, this only says that they are few
LEGAL = "inc|incorporated|llc|ltd|limited|corp|corporation|co|company|gmbh|ag|sa|sas|bv|plc|oy|ab|spa|srl"


@dataclass(frozen=True)
class Level:
    """A level of a comparison, from the closest on.

    Attributes:
        said: the reason it gives; empty if it speaks against a match.
        when: SQL over the two values, `_l` and `_r`; empty for all other pairs.
        matching: how often it holds among records of one person.
        chance: how often it holds among any two, as a multiple of how often two share the very value.
    """

    said: str
    when: str
    matching: float
    chance: float = 1.0


COMPARISONS: Mapping[str, tuple[Level, ...]] = {
    "name": (
        Level("the same name", "name_l = name_r", 0.6),
        Level("nearly the same name", "jaro_winkler_similarity(name_l, name_r) >= 0.94", 0.25, 3),
        Level("a similar name", "jaro_winkler_similarity(name_l, name_r) >= 0.88", 0.08, 30),
        Level("", "", 0.07),
    ),
    "company": (
        Level("the same company", "company_l = company_r", 0.65),
        Level("a similar company", "jaro_winkler_similarity(company_l, company_r) >= 0.9", 0.2, 3),
        Level("", "", 0.15),
    ),
    "phone": (Level("the same phone number", "phone_l = phone_r", 0.65), Level("", "", 0.35)),
    "email": (
        Level("the same e-mail address", "email_l = email_r", 0.5),
        Level("the same name before the @", "split_part(email_l, '@', 1) = split_part(email_r, '@', 1)", 0.2, 4),
        Level("", "", 0.3),
    ),
}
# Only records that share one of these are compared.
BLOCKS = (("email",), ("phone",), ("name",), ("split_part(email, '@', 1)",), ("company", "left(name, 2)"))


class FuzzyError(Exception):
    """The report cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Report:
    """How many records were looked at, and how many pairs of them may be one person."""

    records: int
    pairs: int


def report(lake: Lake, crm: str, now: datetime, threshold: float = 0.9) -> Report:
    """Put the pairs whose probability reaches the threshold into `actions.fuzzy_duplicates`, and why.

    A linked pair is one record. What shares an address only is left to the exact report, but counts as evidence here.

    Raises:
        FuzzyError: Splink is not installed.
    """
    with lake.reading() as con:
        records = con.execute(_records(look(con, crm))).to_arrow_table()
    found = pairs(records, threshold)
    with lake.transaction() as con:
        tables.create(con)
        con.register("found_pairs", found)
        try:
            con.execute(f"delete from {FUZZY}")
            con.execute(f"insert into {FUZZY} by name select *, {literal(now)} as found_at from found_pairs")
        finally:
            con.unregister("found_pairs")
    return Report(records.num_rows, found.num_rows)


def pairs(records: pa.Table, threshold: float) -> pa.Table:
    """Return pairs of `unique_id`s with their probability and reasons, `record`, `other`, `probability`, `because`.

    Args:
        records: `unique_id` and texts `name`, `company`, `phone`, `email`, cleaned; null where there is none.

    Raises:
        FuzzyError: Splink is not installed.
    """
    try:
        from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    except ImportError:
        raise FuzzyError("Splink is missing: pip install 'sync-pipeline[fuzzy]'") from None
    with duckdb.connect() as con:  # of its own: Splink makes tables
        con.register("given", records)
        con.execute("create table records as from given")
        api = DuckDBAPI(con)
        blocks: list[Any] = [block_on(*rule) for rule in BLOCKS]
        settings = SettingsCreator(
            link_type="dedupe_only",
            comparisons=[_comparison(con, name) for name in COMPARISONS],
            blocking_rules_to_generate_predictions=blocks,
            probability_two_random_records_match=min(0.5, EXPECTED / max(records.num_rows, 1)),
        )
        linker = Linker(api.register("records"), settings, log_level="ERROR")
        predicted = linker.inference.predict(threshold_match_probability=threshold)
        because = ", ".join(f"case gamma_{name} {' '.join(_said(levels))} end" for name, levels in COMPARISONS.items())
        return con.execute(
            "select unique_id_l as record, unique_id_r as other, round(match_probability, 4) as probability, "
            f"list_filter([{because}], lambda x: x is not null) as because from {predicted.physical_name} "
            "order by probability desc, record, other"
        ).to_arrow_table()


def _comparison(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Return a comparison as Splink takes it; how often two share the very value is counted in the records."""
    (same,) = con.execute(
        f"select coalesce(sum(n * (n - 1)) / greatest(sum(n) * (sum(n) - 1), 1), 0) from "
        f"(select count(*)::double as n from records where {name} is not null group by {name})"
    ).fetchone() or (0,)
    levels, left = COMPARISONS[name], 1.0
    told: list[dict[str, Any]] = [
        {"sql_condition": f"{name}_l is null or {name}_r is null", "is_null_level": True, "label_for_charts": "none"}
    ]
    for level in levels:
        chance = min(level.chance * max(same, 1e-9), left / 2) if level.when else left
        left -= chance
        told.append(
            {
                "sql_condition": level.when or "else",
                "label_for_charts": level.said or "different",
                "m_probability": level.matching,
                "u_probability": chance,
            }
        )
    return {"output_column_name": name, "comparison_levels": told}


def _said(levels: tuple[Level, ...]) -> list[str]:
    """Return the cases of a comparison; Splink counts its levels from 0, which agrees least."""
    return [f"when {len(levels) - 1 - nth} then {literal(one.said)}" for nth, one in enumerate(levels) if one.said]


def _records(mirrors: Mirrors) -> str:
    """Return SQL for all living people, leads and contacts, cleaned; a lead or contact that is linked is its person."""
    person = ("firstName", "lastName", "company", "phone", "email")
    crm = ("FirstName", "LastName", "Company", "Phone", "Email")
    alive = f"{quoted(DELETED_AT)} is null"
    parts = [
        f"select 'marketo/person/' || id as unique_id, {_cleaned(*person)} "
        f"from {mirrors.records('person', {'id': 'bigint', **dict.fromkeys(person, TEXT)})} where {alive}"
    ]
    for name in ("contact", "lead"):
        living = "true" if name == "contact" else 'not coalesce("IsConverted", false)'
        parts.append(
            f"select '{mirrors.crm}/{name}/' || \"Id\", {_cleaned(*crm)} "
            f"from {mirrors.records(name, {'Id': TEXT, **dict.fromkeys(crm, TEXT), 'IsConverted': TRUTH})} "
            f'where {alive} and {living} and "Id" not in (select crm_id from {links()})'
        )
    return " union all ".join(parts)


def _cleaned(first: str, last: str, company: str, phone: str, email: str) -> str:
    digits = f"regexp_replace({quoted(phone)}, '[^0-9]', '', 'g')"
    words = f"regexp_replace(lower(strip_accents({quoted(company)})), '[^a-z0-9 ]', ' ', 'g')"
    bare = f"regexp_replace({words}, '\\b({LEGAL})\\b', '', 'g')"
    return (
        f"nullif(lower(strip_accents(trim(concat_ws(' ', trim({quoted(first)}), trim({quoted(last)}))))), '') as name, "
        f"nullif(trim(regexp_replace({bare}, ' +', ' ', 'g')), '') as company, "
        f"case when length({digits}) >= 7 then right({digits}, 9) end as phone, {address_sql(quoted(email))} as email"
    )
