"""Which records of the CRM and of Marketo are one and the same, in the order in which they depend on one another.

Sales persons, then companies, people, opportunities and their roles (MK-REST-2). A person is linked to one lead or to
one contact. What is only copied to Marketo goes there when it goes in the CRM; persons and companies stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sync_pipeline.catalog import marketo, salesforce, veeva
from sync_pipeline.catalog.flow_actions import LEAD_FOUND_BY
from sync_pipeline.model import Mapping as FieldMapping
from sync_pipeline.model import Object, Pairing, Rule, id18

# Where the id of a lead or contact is kept in Marketo, unless the settings name a field of one's own (decision 2).
PERSON_KEY = "externalPersonId"
# What keeps a program `m` and a campaign `c` from being linked: a native sync ties it to a campaign already, whose
# members it keeps (SF-CAMP-20), or it has statuses that the campaign's members cannot have (SF-CAMP-7).
MISFIT = """coalesce('a native sync ties it to campaign ' || m."sfdcId", (
    select 'its members have no status ' || string_agg('''' || step || '''', ', ' order by step) from (
        select p."id" as program, unnest(from_json(p."statuses", '["VARCHAR"]')) as step from lake.marketo.program p
    ) where program = m."id" and not exists (
        from lake.salesforce.campaign_member_status s
        where s."CampaignId" = c."Id" and s."Label" = step and s._deleted_at is null)
))"""
# Objects whose records an operator may filter, besides custom ones. Campaigns are chosen one by one; what is read only
# to be looked up, or told as an activity, makes no links.
CAN_BE_FILTERED = {
    "salesforce": ("user", "account", "contact", "lead", "opportunity", "opportunity_contact_role"),
    "veeva": ("user", "account", "call", "call_key_message"),
}
MOST_CUSTOM = 10  # types of custom objects in a subscription
_CUSTOM_OF = {"salesforce": salesforce.custom, "veeva": veeva.custom}


def pairings(person_key: str = PERSON_KEY, deleted_field: str = "", delete_people: bool = False) -> tuple[Pairing, ...]:
    """Return the pairings of a Salesforce org and a Marketo subscription.

    Args:
        person_key: Marketo's field for the id of a lead or contact.
        deleted_field: Marketo's field that tells that the CRM deleted a person or an account; "" if there is none.
        delete_people: whether such a person is deleted in Marketo too.
    """
    return _telling_ends(_pairings(person_key), deleted_field, delete_people)


def _telling_ends(declared: Iterable[Pairing], deleted_field: str, delete_people: bool) -> tuple[Pairing, ...]:
    return tuple(
        replace(
            pairing,
            deletes=pairing.deletes or (pairing.merges and delete_people),
            mappings=tuple(
                replace(m, marketo=deleted_field) if m.crm == pairing.crm.deleted and deleted_field else m
                for m in pairing.mappings
            ),
        )
        for pairing in declared
    )


def _pairings(person_key: str) -> tuple[Pairing, ...]:
    return (
        # Automated users have no e-mail address, and nobody is owned by them.
        _pair(salesforce.USER, marketo.SALES_PERSON, "externalSalesPersonId", {"sales_person"}, '"Email" is not null'),
        replace(_pair(salesforce.ACCOUNT, marketo.COMPANY, "externalCompanyId", {"company"}), widened_as="account"),
        replace(_pair(salesforce.CONTACT, marketo.PERSON, person_key, {"person"}), merges=True, widened_as="contact"),
        # A lead's company is a text of the person (SF-LEAD-13); a converted lead can no longer be written (SF-LEAD-12).
        replace(
            _pair(
                salesforce.LEAD, marketo.PERSON, person_key, {"person", "company"}, 'not coalesce("IsConverted", false)'
            ),
            merges=True,
            becomes=("contact", "ConvertedContactId"),
            widened_as="lead",
        ),
        replace(
            _pair(salesforce.OPPORTUNITY, marketo.OPPORTUNITY, "externalOpportunityId", {"opportunity"}),
            deletes=True,
            widened_as="opportunity",
        ),
        replace(
            _pair(salesforce.OPPORTUNITY_CONTACT_ROLE, marketo.ROLE, "", {"opportunity_role"}),
            keys=("externalOpportunityId", "leadId", "role"),
            deletes=True,
        ),
    )


def campaign_pairings(
    links: Mapping[str, str], removes: bool = False, fields: Mapping[str, str] | None = None
) -> tuple[Pairing, ...]:
    """Return the pairings of campaigns and their members; none unless some are linked (SF-CAMP-1).

    Args:
        links: campaign id by program id (SF-CAMP-3).
        fields: Marketo's by the CRM's field: members' own that were chosen to be synced, at most 20 (SF-CAMP-14).
        removes: whether who is removed from a campaign is removed from its program too (SF-CAMP-17).
    """
    if not links:
        return ()
    pairs = tuple((id18(campaign), program) for program, campaign in links.items())
    taking_part = ", ".join(f"'{campaign}'" for campaign, _ in pairs)
    campaign = _pair(salesforce.CAMPAIGN, marketo.PROGRAM, "", {"program"}, f'"Id" in ({taking_part})')
    member = _pair(salesforce.CAMPAIGN_MEMBER, marketo.PROGRAM_MEMBER, "", {"program_member"})
    own = (
        # Nobody documents who wins; as for the status, the CRM does.
        FieldMapping(crm, its, crm, on="program_member", rule=Rule.CRM_WINS, chosen=True)
        for crm, its in (fields or {}).items()
    )
    return (
        replace(campaign, given=pairs, misfit=MISFIT),
        replace(
            member,
            keys=("programId", "leadId"),
            creates=True,
            deletes=removes,
            mappings=(*member.mappings, *own),
        ),
    )


def with_member_leads(declared: Iterable[Pairing], defaults: Mapping[str, str]) -> tuple[Pairing, ...]:
    """Return the pairings, so that members of linked programs whom the CRM does not know become leads (SF-CAMP-6).

    Args:
        defaults: what stands in for an empty last name or company (CONN-18).
    """
    given = {name: value for name, value in defaults.items() if value}
    created_for = salesforce.CAMPAIGN_MEMBER.name
    return tuple(
        replace(pairing, creates=True, created_for=created_for, defaults=given, traced_by=LEAD_FOUND_BY)
        if pairing.crm is salesforce.LEAD
        else pairing
        for pairing in declared
    )


def veeva_pairings(
    types: Sequence[str],
    calls: Sequence[str],
    kept: veeva.Kept,
    person_key: str = PERSON_KEY,
    deleted_field: str = "",
    delete_people: bool = False,
) -> tuple[Pairing, ...]:
    """Return the pairings of a Veeva org and a Marketo subscription: people and companies, calls, key messages.

    A professional's account is a company and a person (VV-PA-2); nothing of other accounts is written (VV-GEN-5).

    Args:
        types: record types of professionals, by developer name (VV-PA-1).
        calls: Marketo's custom objects for calls and for their key messages; of what has none, nothing is written.
        kept: how long calls stay in Marketo (VV-CALL-2, VV-CALL-3).
        person_key: Marketo's field for the id of a person's account.
        deleted_field, delete_people: as in `pairings` (VV-PA-15).
    """
    professional = veeva.is_professional(types)
    company = _pair(veeva.ACCOUNT, marketo.COMPANY, "externalCompanyId", {"company"}, professional)
    person = _pair(veeva.ACCOUNT, marketo.PERSON, person_key, {"person"}, professional)
    declared = (
        _pair(veeva.USER, marketo.SALES_PERSON, "externalSalesPersonId", {"sales_person"}, '"Email" is not null'),
        replace(company, widened_as="account"),
        replace(person, called="person_account", merges=True, widened_as="contact"),
        *(
            _of_calls(crm, source, belongs_by, alive)
            for (crm, belongs_by, alive), source in zip(veeva.calls(types, kept), calls, strict=False)
        ),
    )
    return _telling_ends(declared, deleted_field, delete_people)


def _of_calls(crm: Object, source: str, belongs_by: str, alive: str) -> Pairing:
    """Return the pairing of a custom object that is keyed by Veeva's id, and parked without what it belongs to."""
    pairing = _pair(crm, marketo.custom(source), "veevaId", {crm.name}, alive)
    return replace(pairing, belongs_by=belongs_by, deletes=True, expires=True)


def custom_pairings(crm: Iterable[str], other: Iterable[str], system: str = "salesforce") -> tuple[Pairing, ...]:
    """Return the pairings of the custom objects that are chosen in both systems and called alike, in the CRM's order.

    Which fields they have follows from what the systems say of them, see `sync.mapping.custom_objects`.

    Args:
        crm, other: API names in the CRM, and in Marketo.
        system: which CRM it is.

    Raises:
        ValueError: there are more than Marketo can hold.
    """
    theirs = {plain(source): source for source in other}
    both = [(source, theirs[plain(source)]) for source in crm if plain(source) in theirs]
    if len(both) > MOST_CUSTOM:
        raise ValueError(
            f"{len(both)} custom objects are chosen in both systems; Marketo holds {MOST_CUSTOM} (SF-CO-13)"
        )
    return tuple(
        Pairing(_CUSTOM_OF[system](ours), marketo.custom(its), "", (), deletes=True, custom=True) for ours, its in both
    )


def plain(name: str) -> str:
    """Return what is left of an API name without what each system adds of its own: `Due_Date__c` is `dueDate`.

    So is `Due_Date__pc`, a contact's field as an account that is a person has it.
    """
    return re.sub(r"(__?c|__pc)$", "", name).replace("_", "").lower()


def names(crm: str, custom: Iterable[str] = ()) -> frozenset[str]:
    """Return what the pairings of a CRM are called, those that settings switch on among them."""
    declared = {
        "salesforce": lambda: (*pairings(), *campaign_pairings({"1": "701000000000001AAA"})),
        "veeva": lambda: veeva_pairings((), ("call_c", "message_c"), veeva.Kept(date.max)),
    }
    return frozenset((*(pairing.name for pairing in declared[crm]()), *(source.lower() for source in custom)))


def _pair(crm: Object, other: Object, key: str, on: Collection[str], alive: str = "true") -> Pairing:
    return Pairing(crm, other, key, tuple(m for m in crm.mappings if m.on in on), alive)
