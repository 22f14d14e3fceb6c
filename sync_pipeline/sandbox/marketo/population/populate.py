"""A realistic subscription out of a number of persons and a seed, made by DuckDB from `population/<table>.sql`.

The same seed, size and end give the same subscription, whatever the machine. Persons look like those of the Salesforce
sandbox, since the same macros make them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.marketo.records import custom_objects
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.salesforce.population import populate as salesforce

INTEREST = "productInterest_c"
# Tables in the order of making: what is drawn from comes before what draws.
_TABLES = (
    "salesPerson", "company", "lead", "opportunity", "opportunityRole", INTEREST, "channel", "program",
    "programMember", "staticList", "listMember", "emailStatus", "activity",
)  # fmt: skip
_MACROS = """
create or replace temp macro last_edit(n) as case when chance(0.3, n, 'untouched') and not is_dead(n, 'Lead')
    then birth(n, 'Lead') else seconds_later(birth(n, 'Lead'), sqrt(unit(n, 'modified'))) end;
create or replace temp macro guid(object, n) as md5(object || '/' || n || '/' || getvariable('seed'))::uuid::varchar;
"""


def sizes(people: int) -> dict[str, int]:
    """Return how many records of each kind a subscription of so many persons is drawn from."""
    opportunities = people // 10 + 1
    return {
        "Lead": people,
        "Contact": 1,  # what the shared macros ask of; a subscription has none
        "Account": people // 9 + 1,
        "User": 10 + min(people // 2_000, 400),
        "Opportunity": opportunities,
        "OpportunityRole": opportunities * 3 // 2,
        "ProductInterest": people // 5,
        "Program": 5 + min(people // 4_000, 500),
        "StaticList": 5,
    }


def populate(
    subscription: Subscription, people: int, seed: int, until: datetime | None = None, months: float = 24
) -> dict[str, int]:
    """Fill a new subscription with `people` persons, of whom one in fifty is gone already, and all that hangs on them.

    Args:
        until: aware end of the history, by default the subscription's present; no time lies after it.
        months: length of that history.

    Returns:
        How many records were made, by table.

    Raises:
        ValueError: fewer than 20 people, who would not make a subscription.
    """
    if people < 20:
        raise ValueError(f"a subscription is populated with 20 people or more, not {people}")
    _add_interest(subscription)
    end = (until or subscription.now()).astimezone(UTC)
    made = {}
    with subscription.transaction(), subscription.cursor() as cursor:
        salesforce.set_variables(cursor, seed, sizes(people), end, months)
        cursor.execute("set variable persons = 0")
        cursor.execute("set variable score_field = ?", [subscription.lead.fields["leadScore"].id])
        for macros in salesforce.load_sql("salesforce", "macros"):
            cursor.execute(macros)
        cursor.execute(_MACROS)
        for table in _TABLES:
            flags = _flags(subscription, table)
            row = cursor.execute(f"insert into {quote(table)} by name select *{flags} from ({_sql(table)})").fetchone()
            made[table] = int(row[0]) if row else 0
    _move_on(subscription, people)
    return made


def _flags(subscription: Subscription, table: str) -> str:
    """Return the columns for flags that nothing sets: they are off."""
    found = subscription.objects.get(table)
    own = _sql(table)
    names = [n for n, kind in found.columns.items() if kind == "boolean" and n not in own] if found else []
    return "".join(f", false as {quote(name)}" for name in names)


def _move_on(subscription: Subscription, people: int) -> None:
    """See to it that what is made later gets numbers of its own."""
    with subscription.cursor() as cursor:
        row = cursor.execute("select coalesce(max(id), 0) from activity").fetchone()
    used = {"lead": people, "activity": int(row[0]) if row else 0}
    counted = sizes(people)
    used |= {"company": counted["Account"], "salesPerson": counted["User"], "program": counted["Program"]}
    used |= {"staticList": counted["StaticList"]}
    for name, count in used.items():
        subscription.reserve(name, count)


def _add_interest(subscription: Subscription) -> None:
    """Add a custom object that hangs on persons."""
    custom_objects.create(subscription, INTEREST, "Product Interest", "Product Interests", None)
    link = {"name": "lead", "field": "id"}
    custom_objects.add_fields(
        subscription,
        INTEREST,
        [
            {"name": "interestId", "displayName": "Interest Id", "dataType": "string", "isDedupeField": True},
            {"name": "leadId", "displayName": "Lead Id", "dataType": "link", "relatedTo": link},
            {"name": "product", "displayName": "Product", "dataType": "string"},
            {"name": "level", "displayName": "Level", "dataType": "integer"},
            {"name": "notedOn", "displayName": "Noted On", "dataType": "date"},
        ],
    )
    custom_objects.approve(subscription, INTEREST)


def _sql(name: str) -> str:
    return (resources.files("sync_pipeline.sandbox.marketo.population") / f"{name}.sql").read_text(encoding="utf-8")
