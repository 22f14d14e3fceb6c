"""The objects of a Marketo subscription, each declared once, in the order of a first load.

Marketo tells changes of persons, memberships and activities by its feed, and programs by their own time of change. It
neither lists companies, opportunities, roles and sales persons nor tells changes of them, so `known_by` says where
their keys stand: in the persons, and in the CRM's records, whose ids they are where the sync owns them (MK-REST-3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sync_pipeline.catalog import salesforce
from sync_pipeline.model import KnownBy, Object, Rule

# A touch moves these; `updatedAt` of a person follows its standard fields only.
BOOKKEEPING = ("updatedAt",)
HOUR = timedelta(hours=1)
# Activities that tie a person to an opportunity, or loosen it: Add to, Remove from, Update Opportunity (SPEC 28.3).
OF_OPPORTUNITIES = (34, 35, 36)

declare = partial(
    Object,
    "marketo",
    stamp="updatedAt",
    bookkeeping=BOOKKEEPING,
    deleted="isDeleted",
    master="mergedInto",
    tombstones=True,
    counted=False,
    rule=Rule.MARKETO_ONLY,
)

PERSON = declare(
    "lead",
    "person",
    "A row is one person of the lead database. Both ways with leads and contacts. `isDeleted` and `mergedInto` are "
    "ours: Marketo tells deletions and merges by activities only, and forgets the values; the row keeps the last ones.",
    key="id",
    required=("id", "createdAt", "updatedAt", "email", "firstName", "lastName", "company", "unsubscribed"),
    updateable=("email", "firstName", "lastName", "unsubscribed", "externalCompanyId", "externalSalesPersonId"),
)

ACTIVITY = declare(
    "activity",
    "activity",
    "A row is one thing that a person did or that was done to it, of the types in MARKETO_ACTIVITY_TYPES and those "
    "that tell of changes. It never changes here: after a merge Marketo moves the loser's activities to the winner, "
    "while `leadId` stays who did it; `person.mergedInto` leads on. Marketo itself forgets activities after 25 months.",
    key="marketoGUID",
    stamp="activityDate",
    # Its attributes are spelled as JSON by us and, in exported files, by Marketo; the person may be merged away.
    bookkeeping=("activityDate",),
    disregarded=("attributes", "leadId"),
    compared=False,
)

PROGRAM = declare(
    "program",
    "program",
    "A row is one program. Where it is linked to a campaign, their members are synced. Read hourly.",
    key="id",
    every=HOUR,
    # Its costs are read once it is linked, which is no change of it.
    again_by=(KnownBy("id", ("sync", "link"), "marketo_id", {"pairing": ("campaign",)}, at="linked_at"),),
)

PROGRAM_MEMBER = declare(
    "programMember",
    "program_member",
    "A row is one person in one program, with the status it has reached, which only moves forward. Its key is ours: "
    "program id and person id.",
    key="membershipId",
    # Nothing tells of a removal, so what we removed ourselves is looked for (SF-CAMP-17).
    again_by=(
        KnownBy(
            "membershipId",
            ("sync", "link"),
            "marketo_id",
            {"pairing": ("campaign_member",), "ended_because": ("deleted in the CRM",)},
            at="marketo_written_at",
        ),
    ),
)


def _written(by: str, pairing: str) -> KnownBy:
    """What we wrote ourselves is read again, however long after the CRM's record was: a write may have had to wait."""
    return KnownBy(by, ("sync", "link"), "crm_id", {"pairing": (pairing,)}, at="marketo_written_at")


SALES_PERSON = declare(
    "salesPerson",
    "sales_person",
    "A row is one sales owner, a user of the CRM (SF-USER-1). Closed to writing while a native sync is on.",
    key="id",
    updateable=("email", "firstName", "lastName"),
    known_by=(
        KnownBy("externalSalesPersonId", ("marketo", "person"), "externalSalesPersonId"),
        KnownBy("externalSalesPersonId", ("salesforce", "user"), "Id"),
        _written("externalSalesPersonId", "user"),
    ),
)

COMPANY = declare(
    "company",
    "company",
    "A row is one company: an account of the CRM. Closed to writing while a native sync is on; companies that nobody "
    "in either system belongs to are not seen.",
    key="id",
    updateable=("company", "externalSalesPersonId"),
    known_by=(
        KnownBy("externalCompanyId", ("marketo", "person"), "externalCompanyId"),
        KnownBy("externalCompanyId", ("salesforce", "account"), "Id"),
        _written("externalCompanyId", "account"),
    ),
)

ROLE = declare(
    "opportunityRole",
    "opportunity_role",
    "A row is one person's part in one opportunity. Not to be seen while a native sync is on.",
    key="marketoGUID",
    updateable=("isPrimary",),
    known_by=(
        KnownBy("leadId", ("marketo", "activity"), "leadId", {"activityTypeId": OF_OPPORTUNITIES}),
        KnownBy("externalOpportunityId", ("salesforce", "opportunity"), "Id"),
    ),
)

OPPORTUNITY = declare(
    "opportunity",
    "opportunity",
    "A row is one opportunity of the CRM. Closed to writing while a native sync is on.",
    key="marketoGUID",
    updateable=("name", "stage", "amount", "externalCompanyId", "externalSalesPersonId"),
    known_by=(
        KnownBy("externalOpportunityId", ("marketo", "opportunity_role"), "externalOpportunityId"),
        KnownBy("externalOpportunityId", ("salesforce", "opportunity"), "Id"),
        _written("externalOpportunityId", "opportunity"),
    ),
)


def mapped(obj: Object) -> Object:
    """Return the declaration with the fields that the CRM's mappings name on this object, but for the required ones."""
    names = {
        m.marketo: None
        for of in salesforce.objects()
        for m in of.mappings
        if m.on == obj.name and m.marketo and not m.optional
    }
    return replace(obj, wanted=tuple(name for name in names if name not in obj.required))


# Activities are posted as custom ones, so what the mappings name on them is no field of a mirror.
RECORDS = (
    mapped(PERSON),
    ACTIVITY,
    *map(mapped, (PROGRAM_MEMBER, SALES_PERSON, COMPANY, ROLE, OPPORTUNITY)),
    PROGRAM,
)

CUSTOM_NAME = re.compile(r"[A-Za-z]\w*_c", re.ASCII)


def custom(source: str) -> Object:
    """Return the declaration of the custom object of this API name.

    Raises:
        ValueError: `source` cannot be one.
    """
    if not CUSTOM_NAME.fullmatch(source):
        raise ValueError(f"a custom object's API name in Marketo ends in _c, as in car_c, unlike {source!r}")
    return declare(
        source,
        source.lower(),
        f"A row is one {source}, a custom object of Marketo chosen in the settings. Read hourly, by an export job.",
        key="marketoGUID",
        every=HOUR,
    )


def objects(custom_sources: Iterable[str] = ()) -> tuple[Object, ...]:
    """Return all objects in the order of a first load; those known by others' keys come after them."""
    listed = [obj for obj in RECORDS if not obj.known_by]
    return (*listed, *(custom(source) for source in custom_sources), *(obj for obj in RECORDS if obj.known_by))
