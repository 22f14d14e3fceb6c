"""Sales activities of the eight kinds, logged in Marketo with the attributes of Adobe's glossary (SIA-ACT)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sync_pipeline.activity_log.follow import MARKETO, Source, candidate, known, text_map
from sync_pipeline.catalog.activity_types import SALES_CALL, SALES_CAMPAIGN, SALES_EMAIL, ActivityType
from sync_pipeline.identifiers import address_sql
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.inputs import ATTRIBUTES, KINDS, Kind
from sync_pipeline.sales_insight.mirrors import PERSON, Mirrors, links

NAME = "sales"
SOURCE_OF_APP = "Sales App"  # SIA-ACT-6
GIVEN = full_name(tables.SCHEMA, "sales_activity")


def sources(mirrors: Mirrors) -> Iterator[Source]:
    """Yield a source for each type in which sales activities are logged."""
    for into in (SALES_EMAIL, SALES_CALL, SALES_CAMPAIGN):
        kinds = [kind for kind in KINDS if kind.label in into.events]
        new = given(NAME, [kind.name for kind in kinds])
        yield Source(NAME, MARKETO, into.name, _query(mirrors, into, kinds, new), given=new)


def given(source: str, kinds: Collection[str]) -> str:
    """Return SQL for the sales activities of these kinds that have not been taken in from a source."""
    of = commas(map(literal, kinds))
    return f"select *, activity_id as key from {GIVEN} where kind in ({of}) and activity_id not in {known(source)}"


def _query(mirrors: Mirrors, into: ActivityType, kinds: list[Kind], new: str) -> str:
    chosen = candidate(
        key="g.key",
        person="case when fits > 1 and addressed is null then null else coalesce(addressed, by_mail) end",
        happened_at="g.happened_at",
        event=f"case g.kind {' '.join(f'when {literal(k.name)} then {literal(k.label)}' for k in kinds)} end",
        attributes=_attributes(into, kinds),
        code="case when addressed is null and fits > 1 then 'AMBIGUOUS' end",
        message="case when addressed is null and fits > 1 then fits || ' people in Marketo have this address' end",
    )
    return f"""
        with given as ({new}),
        -- The Marketo id that was told, the link of the id that was told, or the only person of the address.
        addressed as (
            select g.key, coalesce(g._person_id, l.marketo_id)::varchar as addressed
            from given g left join {links()} l on left(l.crm_id, 15) = left(g.salesforce_id, 15)
        ),
        mailed as (
            select g.key, count(*) as fits, any_value(p.id)::varchar as by_mail
            from given g join {mirrors.records("person", PERSON)} p
                on {address_sql("p.email")} = {address_sql("g.email")}
            where p.{quoted(DELETED_AT)} is null group by all
        )
        select {chosen}
        from given g join addressed a using (key) left join mailed m using (key)
        where coalesce(addressed, by_mail) is not null
    """


def _attributes(into: ActivityType, kinds: list[Kind]) -> str:
    """Return SQL for the attributes: the values of these kinds that bear the attributes' names."""
    own = {name for kind in kinds for name in kind.attributes}
    column = {value.label: quoted(value.name) for value in ATTRIBUTES if value.name in own}
    told = {one.api_name: column[one.name] for one in into.attributes if one.name in column}
    from_app = commas(literal(kind.name) for kind in kinds if "source" in kind.attributes)
    told["source"] = f"case when g.kind in ({from_app}) then coalesce(g.source, {literal(SOURCE_OF_APP)}) end"
    return text_map(told)
