"""A realistic org out of a number of people and a seed, made by DuckDB from `population/<Object>.sql`.

The same seed, sizes and end give the same org, whatever the machine. What a record of an object looks like is told in
its SQL file, where a Veeva org has others in `population/veeva`; what is common to all (id, stamps, recycle bin) is
added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources

import duckdb

from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.persons import TYPE_NAME
from sync_pipeline.sandbox.salesforce.population.names import LOCALES, SIZE, pools

TRADES = ("Systems", "Foods", "Logistics", "Energy", "Bio", "Media", "Insurance", "Steel", "Travel", "Textiles")
INDUSTRIES = ("Agriculture", "Banking", "Biotechnology", "Chemicals", "Construction", "Education", "Energy")
MONTH = timedelta(days=30.4375)


def sizes(people: int) -> dict[str, int]:
    """Return how many records of each object an org of so many leads and contacts has, in the order of making them."""
    contacts = people * 45 // 100
    opportunities = people // 10 + 1
    campaigns = 5 + min(people // 4_000, 500)
    return {
        "User": 10 + min(people // 2_000, 400),
        "Group": 8,
        "RecordType": 4,
        "Account": people // 9 + 1,
        "Lead": people - contacts,
        "Contact": contacts,
        "Opportunity": opportunities,
        "OpportunityContactRole": opportunities * 3 // 2,
        "CampaignMember": people * 6 // 10,
        "CampaignMemberStatus": campaigns * 4,
        "Campaign": campaigns,
        "Task": people * 8 // 10,
        "Event": people * 2 // 10,
        "Invoice__c": people * 15 // 100,
        "Product_Interest__c": people * 2 // 10,
    }


def veeva_sizes(people: int) -> dict[str, int]:
    """Return the same of a Veeva org of about so many person accounts, each with ten calls.

    There is little of what the Veeva sync leaves alone (VV-GEN-5); one contact in ten works for a business account.
    """
    few = sizes(max(people // 20, 20))
    left_alone = ("Opportunity", "OpportunityContactRole", "CampaignMember", "CampaignMemberStatus", "Campaign")
    contacts = people * 10 // 9 + 1
    return {
        "User": 10 + min(people // 500, 400),
        "Group": 8,
        "RecordType": 8,
        "Account": people // 8 + 4,
        "Lead": few["Lead"],
        "Contact": contacts,
        **{name: few[name] for name in (*left_alone, "Task", "Event")},
        "Product_vod__c": 24,
        "Key_Message_vod__c": 60,
        "Address_vod__c": contacts // 2,
        "Call2_vod__c": people * 10,
        "Call2_Key_Message_vod__c": people * 6,
        "Call2_Detail_vod__c": people * 5,
    }


def populate(
    org: Org, people: int, seed: int, until: datetime | None = None, months: float = 24, persons: float = 0
) -> dict[str, int]:
    """Fill the org with `people` leads and contacts (55 : 45), or with person accounts, and all that hangs on them.

    Args:
        until: aware end of the org's history, by default the org's present; no stamp lies after it.
        months: length of that history.
        persons: share of the contacts that are person accounts, each with an account of its own; in a Veeva org all
            that may be are.

    Returns:
        How many records were made, by object.

    Raises:
        ValueError: fewer than 20 people, who would not make an org, or persons in an org that knows none.
    """
    if persons and not org.has_persons:
        raise ValueError("the org has no person accounts; its schema decides on them")
    if people < 20:
        raise ValueError(f"an org is populated with 20 people or more, not {people}")
    is_veeva = org.schema.crm == "veeva"
    made = veeva_sizes(people) if is_veeva else sizes(people)
    made["Account"] += make(org, made, seed, until, months, 1.0 if is_veeva else persons)
    return made


def make(
    org: Org,
    made: Mapping[str, int],
    seed: int,
    until: datetime | None = None,
    months: float = 24,
    persons: float = 0,
) -> int:
    """Fill the org with `made` records by object, in this order: what is pointed to comes before what points to it.

    Return how many accounts of persons there are beside them.
    """
    end = (until or org.now()).astimezone(UTC)
    reserved = {**made, "Account": made["Account"] + made["Contact"]} if persons else made
    first = {name: org.reserve_ids(name, count) for name, count in reserved.items()}
    crm, count = org.schema.crm, 0
    with org.writing, org.cursor() as cursor:
        cursor.execute("set variable users = ?", [[org.user_id]])  # the authors of the first users
        set_variables(cursor, seed, made, end, months)
        cursor.execute("set variable persons = ?", [persons])
        for name in made:
            cursor.execute(f"create or replace temp macro number_{name}(n) as n + {first[name]}")
            cursor.execute(f"create or replace temp macro id_{name}(n) as {org.id_sql(name, f'(n + {first[name]})')}")
        for macros in load_sql(crm, "macros"):
            cursor.execute(macros)
        for name in made:
            cursor.execute(_insert(org, name, cursor))
            for variable, query in _LISTS.get(name, {}).items():
                cursor.execute(f"set variable {variable} = ({query})")
            if name == "Contact" and persons:
                without = 'not exists (from "Account" as a where a.Id = s.AccountId)'
                count = org.complete(cursor, "Contact", without)
                for update in load_sql(crm, "persons"):
                    cursor.execute(update)
        return count


# Ids that later objects draw from, listed once their own object is there.
_LISTS = {
    "User": {"users": """select list(Id order by Id) from "User" """},
    "Group": {"queues": """select list(Id order by Id) from "Group" where Type = 'Queue'"""},
    "RecordType": {
        "account_types": f"""select list(Id order by Id) from "RecordType"
            where SobjectType = 'Account' and DeveloperName <> '{TYPE_NAME}'""",
        "member_types": """select list(Id order by Id) from "RecordType" where SobjectType = 'CampaignMember'""",
    },
}


def load_sql(crm: str, name: str) -> list[str]:
    """Return what is common to all orgs and what is the CRM's own, of which either may be missing."""
    folder = resources.files("sync_pipeline.sandbox.salesforce.population")
    files = (folder / f"{name}.sql", folder / crm / f"{name}.sql")
    return [file.read_text(encoding="utf-8") for file in files if file.is_file()]


def set_variables(
    cursor: duckdb.DuckDBPyConnection,
    seed: int,
    made: Mapping[str, int],
    end: datetime,
    months: float,
) -> None:
    since = end - months * MONTH
    variables = {
        "seed": seed,
        "totals": made,
        "most": max(made.values()),
        "since": int(since.timestamp()),
        "until": int(end.timestamp()),
        "span": int((end - since).total_seconds()),
        "locales": [number for number, locale in enumerate(LOCALES) for _ in range(locale.share)],
        "countries": [locale.country for locale in LOCALES],
        "dials": [locale.dial for locale in LOCALES],
        "codes": [locale.iso for locale in LOCALES],
        "pool": SIZE,
        "trades": list(TRADES),
        "industries": list(INDUSTRIES),
        **pools(seed),
    }
    for name, value in variables.items():
        cursor.execute(f"set variable {name} = ?", [value])


def _insert(org: Org, name: str, cursor: duckdb.DuckDBPyConnection) -> str:
    """Return the statement that makes the records of an object: its own SQL plus ids, stamps and the recycle bin."""
    own = load_sql(org.schema.crm, name)[-1]
    given = {column[0] for column in cursor.execute(f"select * from ({own}) limit 0").description or ()}
    columns = org.schema[name].columns
    dead = "IsDeleted" if "IsDeleted" in given else f"is_dead(n, '{name}')" if "IsDeleted" in columns else "false"
    touched = "chance(0.1, n, 'touch')"  # something other than a user touched one record in ten after its last edit
    common = {
        **{column: "false" for column, kind in columns.items() if kind == "boolean" and column not in given},
        "Id": f"id_{name}(n)",
        "IsDeleted": dead,
        "MasterRecordId": f"case when is_merged(n, '{name}') then id_{name}(n + 1) end",
        "CreatedDate": "born",
        "CreatedById": "author",
        "LastModifiedDate": "modified",
        "LastModifiedById": "editor",
        "SystemModstamp": f"case when {touched} then seconds_later(modified, unit(n, 'touched')) else modified end",
    }
    made = ", ".join(f'{sql} as "{column}"' for column, sql in common.items() if column in columns)
    left_out = sorted(given - {"n"} - (columns.keys() - {"IsDeleted"}))  # what the org's schema does not have
    taken = ", ".join(["n", "born", "modified", "author", "editor", *left_out])
    return f"""
        insert into "{name}" by name
        select * exclude ({taken}), {made}
        from (
          select *,
            case when chance(0.3, n, 'untouched') and not ({dead}) then born
              else seconds_later(born, sqrt(unit(n, 'modified'))) end as modified,
            one_of(getvariable('users'), n, 'author') as author,
            one_of(getvariable('users'), n, 'editor') as editor
          from (select *, birth(n, '{name}') as born from ({own}))
        )"""
