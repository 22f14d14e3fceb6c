"""The orgs and subscriptions that are measured: populated once by the sandbox, kept as files below data/bench."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sync_pipeline.sandbox import Org, Schema
from sync_pipeline.sandbox.core.database import Database
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.population.populate import populate as populate_marketo
from sync_pipeline.sandbox.salesforce.population.populate import make, populate
from sync_pipeline.sandbox.salesforce.population.populate import sizes as usual
from sync_pipeline_tests.sandbox.conftest import Clock

# All of an org lies before a moment long past, as the pipeline reads no further than its own time.
FOLDER = Path("data/bench/2026-05")
SEED = 1
D = TypeVar("D", bound=Database)

# The forty fields that the sync user sees in the speed bars: all that the population fills, of every type.
FORTY = frozenset(
    """
    Id IsDeleted MasterRecordId AccountId LastName FirstName Salutation Name MailingStreet MailingCity MailingState
    MailingPostalCode MailingCountry Phone Fax MobilePhone HomePhone ReportsToId Email Title Department LeadSource
    Birthdate Description OwnerId HasOptedOutOfEmail HasOptedOutOfFax DoNotCall CreatedDate CreatedById
    LastModifiedDate LastModifiedById SystemModstamp IsEmailBounced mkto71_Lead_Score__c
    mkto71_Acquisition_Program__c mkto71_Acquisition_Date__c mkto71_Inferred_City__c mkto71_Inferred_Country__c
    mkto71_Original_Source_Type__c
    """.split()  # noqa: SIM905  (one name a line would fill the screen)
)


def of_contacts(count: int) -> Path:
    """Return the file of an org with `count` contacts, their accounts and owners, and nothing else."""

    def fill(org: Org) -> None:
        nobody = dict.fromkeys(usual(count), 0)
        make(org, {**nobody, "User": 410, "Group": 8, "RecordType": 4, "Account": count // 5, "Contact": count}, SEED)
        with org.writing, org.cursor() as cursor:
            cursor.execute(
                """update "Contact" set MailingState = Department, HomePhone = Phone,
                mkto71_Acquisition_Date__c = CreatedDate, mkto71_Original_Source_Type__c = LeadSource"""
            )

    return _kept(f"contacts-{count}.duckdb", _new_org, fill)


def of_people(count: int) -> Path:
    """Return the file of an org with `count` leads and contacts and all that hangs on them."""
    return _kept(f"people-{count}.duckdb", _new_org, lambda org: populate(org, count, SEED))


def of_sizes(sizes: Mapping[str, int]) -> Path:
    """Return the file of an org with so many records of these objects, and of the others what their people need."""
    people = sizes["Lead"] + sizes["Contact"]
    made = {**usual(people), **sizes}
    return _kept(f"sizes-{people}.duckdb", _new_org, lambda org: make(org, made, SEED))


def of_veeva(people: int) -> Path:
    """Return the file of a Veeva org with so many person accounts, ten calls each, and all that hangs on them."""
    return _kept(
        f"veeva-{people}.duckdb",
        lambda file: _new_org(file, Schema.veeva()),
        lambda org: populate(org, people, SEED),
    )


def of_persons(count: int, months: int) -> Path:
    """Return the file of a Marketo subscription of so many persons, come in so many months, with all their doings."""

    def fill(subscription: Subscription) -> None:
        populate_marketo(subscription, count, SEED, months=months)

    return _kept(f"subscription-{count}.duckdb", Subscription.open, fill)


def _new_org(file: Path, schema: Schema | None = None) -> Org:
    return Org.open(file, schema, clock=Clock())


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder beside the kept ones; it goes when its context is left."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=FOLDER)


def copy_of(org: Path, to: Path) -> Path:
    """Return a copy that may be edited."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(org, to)
    return to


def _kept(name: str, begin: Callable[[Path], D], fill: Callable[[D], object]) -> Path:
    file, part = FOLDER / name, FOLDER / f"{name}.part"
    if not file.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with begin(part) as database:
            fill(database)
            with database.cursor() as cursor:
                cursor.execute("checkpoint")
        part.replace(file)
    return file
