"""Which fields are mapped: declared, chosen and called alike, over what two systems say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from pydantic import ValidationError

from sync_pipeline import catalog
from sync_pipeline.assembly import runs
from sync_pipeline.catalog import veeva
from sync_pipeline.catalog.chosen import chosen
from sync_pipeline.model import Describe, Field, Pairing, Rule
from sync_pipeline.settings import Settings
from sync_pipeline.sync.mapping.compared import compared
from sync_pipeline.sync.mapping.custom_objects import UnfitError
from sync_pipeline.sync.mapping.effective import Choice, Mapped, mapped, unmet, with_common_values
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.sync.world import World

PAIRINGS = {p.name: p for p in catalog.pairings()}
VEEVA = {p.name: p for p in catalog.veeva_pairings(["Professional_vod"], (), veeva.Kept(date.max))}
BOTH, TO_MARKETO = Rule.CRM_WINS, Rule.CRM_ONLY


def told(pairing: Pairing, crm: str, marketo: str, company: str = "company") -> dict[tuple[str, str], Describe]:
    """Return what systems say that have these fields, of which the CRM's `=` are computed and Marketo's read-only."""
    ours = (Field(n.strip("="), "string", custom="__" in n, calculated="=" in n) for n in crm.split())
    theirs = (Field(n.strip("="), "string", updateable="=" not in n) for n in marketo.split())
    return {
        (pairing.crm.system, pairing.crm.source): Describe(pairing.crm.source, tuple(ours)),
        ("marketo", "company"): Describe("company", tuple(Field(n, "string") for n in company.split())),
        (pairing.marketo.system, pairing.marketo.source): Describe(pairing.marketo.source, tuple(theirs)),
    }


def in_force(pairing: Pairing, systems: Mapping[tuple[str, str], Describe], *own: str) -> dict[str, tuple[str, Rule]]:
    """Return Marketo's field and the rule of each field of the CRM that is compared."""
    fit = mapped(pairing, systems, Choice(chosen(own)))
    both = [systems[o.system, o.source] for o in (pairing.crm, pairing.marketo)]
    return {f.crm.name: (f.name, f.rule) for f in compared(fit, both[0], both[1])[0] if f.name != pairing.key}


def test_visible_custom_fields_take_part_under_the_names_that_marketo_gives_them() -> None:
    """FIELD-1, SF-LEAD-9: every custom field may, of the standard ones those that are declared."""
    lead, opportunity, account = (PAIRINGS[name] for name in ("lead", "opportunity", "account"))
    crm = "Phone Jigsaw Region__c Due_Date__c Size__c= Kept__c npsp__Level__c Alone__c"
    systems = told(lead, crm, "phone jigsaw Region__c dueDate size kept= npsp__Level__c other")
    two_way = Rule.MARKETO_WINS
    assert in_force(lead, systems) == {
        "Phone": ("phone", two_way),
        "Region__c": ("Region__c", two_way),
        "Due_Date__c": ("dueDate", two_way),
        "Size__c": ("size", TO_MARKETO),
        "Kept__c": ("kept", Rule.MARKETO_ONLY),
        "npsp__Level__c": ("npsp__Level__c", two_way),
    }
    for one in (account, opportunity):
        assert in_force(one, told(one, "Tier__c Kept__c", "tier kept=", "tier"))["Tier__c"] == ("tier", TO_MARKETO)
        assert "Kept__c" not in in_force(one, told(one, "Tier__c Kept__c", "tier kept=", "tier"))


def test_like_named_fields_of_lead_and_contact_are_one_unless_marketo_or_an_operator_parts_them() -> None:
    """FIELD-17, FIELD-23; a person shows its company's fields and takes no values for them (SF-ACCOUNT-12)."""
    lead, contact = PAIRINGS["lead"], PAIRINGS["contact"]
    for marketo, ours in (("region", "region"), ("region_contact region", "region_contact"), ("region_lead", None)):
        systems = told(contact, "Region__c", marketo)
        assert in_force(contact, systems) == ({"Region__c": (ours, BOTH)} if ours else {})
    assert in_force(lead, told(lead, "Region__c", "region_contact region")) == {
        "Region__c": ("region", Rule.MARKETO_WINS)
    }
    parted = told(lead, "Region__c", "region territory")
    assert in_force(lead, parted, "lead.Region__c=territory") == {"Region__c": ("territory", Rule.MARKETO_WINS)}
    assert in_force(contact, told(contact, "Tier__c", "tier tier_account", "company tier tier_account")) == {}


def test_custom_fields_of_a_person_account_are_on_the_company_and_on_the_person() -> None:
    """VV-PA-3, VV-PA-11, SF-PACCT-2: the account's one way, the person's own both ways on the person (VV-PA-6)."""
    company, person = VEEVA["account"], VEEVA["person_account"]
    crm, of_company = "Tier__c Hobby__pc Sport__c Sport__pc", "tier_account hobby_account sport_account"
    assert in_force(company, told(company, crm, of_company)) == {
        "Tier__c": ("tier_account", TO_MARKETO),
        "Hobby__pc": ("hobby_account", TO_MARKETO),
        "Sport__c": ("sport_account", TO_MARKETO),
    }
    assert in_force(person, told(person, crm, f"tier hobby sport {of_company}", of_company)) == {
        "Tier__c": ("tier", TO_MARKETO), "Hobby__pc": ("hobby", BOTH), "Sport__pc": ("sport", BOTH),
    }  # fmt: skip
    of_salesforce = told(PAIRINGS["account"], "Hobby__pc", "Hobby__c_account")
    assert in_force(PAIRINGS["account"], of_salesforce) == {"Hobby__pc": ("Hobby__c_account", TO_MARKETO)}
    assert in_force(PAIRINGS["contact"], told(PAIRINGS["contact"], "Hobby__c", "Hobby__c")) == {
        "Hobby__c": ("Hobby__c", BOTH)
    }


def test_an_operator_maps_any_field_to_any_other_or_to_none() -> None:
    """SF-CONTACT-11, FIELD-19."""
    contact = PAIRINGS["contact"]
    systems = told(contact, "Phone Fax Region__c Size__c= Jigsaw", "phone fax region size note")
    assert in_force(contact, systems, "contact.Phone=phone:marketo_wins", "contact.Region__c=", "contact.Jigsaw=note",
                    "contact.Size__c=fax") == {
        "Phone": ("phone", Rule.MARKETO_WINS), "Jigsaw": ("note", BOTH), "Size__c": ("fax", TO_MARKETO),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("contact.AccountId=note", "ties records together"),
        ("contact.Phone=externalPersonId", "ties records together"),
        ("account.Site=site:crm_wins", "flows to Marketo only"),
    ],
)
def test_what_cannot_be_chosen_is_refused(own: str, said: str) -> None:
    """SF-ACCOUNT-1 and 3."""
    pairing = PAIRINGS[own.partition(".")[0]]
    with pytest.raises(UnfitError, match=said):
        mapped(pairing, told(pairing, "Phone Site", "note site"), Choice(chosen([own])))


@pytest.mark.parametrize("own", ["Region__c=x", "contact.A=b:always", "contact.A=:crm_wins", "contact.A=b,contact.C=b"])
def test_a_mapping_that_cannot_be_understood_is_a_bad_setting(own: str) -> None:
    with pytest.raises(ValidationError, match=r"is no mapping|is mapped twice"):
        Settings(_env_file=None, sync_fields=own)
    with pytest.raises(ValidationError, match="nothing is called nobody"):
        Settings(_env_file=None, sync_fields="nobody.A=b")
    with pytest.raises(ValidationError, match="nothing is called lead"):
        Settings(_env_file=None, crm="veeva", sync_fields="lead.A=b")


@pytest.mark.parametrize(
    ("name", "crm", "marketo"),
    [
        ("contact", "HasOptedOutOfEmail", "unsubscribed"),
        ("lead", "Own_No__c", "unsubscribed"),
        ("lead", "HasOptedOutOfEmail", "ownNo"),
        ("contact", "DoNotCall", "doNotCall"),
        ("lead", "DoNotCall", "ownNo"),
        ("contact", "Own_No__c", "doNotCall"),
        ("contact", "HasOptedOutOfFax", "ownNo"),
        ("lead", "Sms__c", "sms"),
        ("contact", "Sales_No__c", "ownNo"),
    ],
)
def test_a_mapping_is_of_consent_where_either_end_is_however_it_is_mapped(name: str, crm: str, marketo: str) -> None:
    """Law 13: declared names, those of the settings on either side, and what is called like one of them."""
    pairing = PAIRINGS[name]
    systems = told(pairing, f"{crm} Phone", f"{marketo} phone")
    choice = Choice(
        chosen([f"{name}.{crm}={marketo}"]), consent=["LEAD.sms", "contact.Other__c"], sales_opt_out="Sales_No__c"
    )
    found = {m.crm: m.consent for m in mapped(pairing, systems, choice).mappings}
    assert {crm for crm, is_consent in found.items() if is_consent} == {crm, "HasOptedOutOfEmail"} & found.keys()
    both = [systems[o.system, o.source] for o in (pairing.crm, pairing.marketo)]
    fields, _ = compared(mapped(pairing, systems, choice), both[0], both[1])
    assert [field.crm.name for field in fields if field.consent] == [crm]
    assert [notice.field for notice in unmet(mapped(pairing, systems, choice), choice)] == (
        ["Other__c"] if name == "contact" else [] if crm == "Sms__c" else ["sms"]
    )


def test_what_veeva_and_custom_fields_call_alike_is_of_consent_too() -> None:
    person, lead = VEEVA["person_account"], PAIRINGS["lead"]
    systems = told(person, "PersonHasOptedOutOfEmail PersonDoNotCall", "unsubscribed doNotCall")
    own = Choice(chosen(["person_account.PersonDoNotCall=doNotCall"]))
    assert {m.crm for m in mapped(person, systems, own).mappings if m.consent} == {
        "PersonHasOptedOutOfEmail", "PersonDoNotCall",
    }  # fmt: skip
    alike = mapped(lead, told(lead, "Do_Not_Call__c", "doNotCall"))
    assert [m.consent for m in alike.mappings if m.crm == "Do_Not_Call__c"] == [True]


@pytest.mark.parametrize("own", ["Sms__c", "contact.Sms__c=sms", "contact."])
def test_a_field_of_consent_is_named_with_what_it_is_of(own: str) -> None:
    with pytest.raises(ValidationError, match="names no field of consent"):
        Settings(_env_file=None, sync_consent_fields=own)
    with pytest.raises(ValidationError, match="SYNC_CONSENT_FIELDS: nothing is called nobody"):
        Settings(_env_file=None, sync_consent_fields="nobody.Sms__c")
    rules = runs.sync_policy(
        Settings(_env_file=None, sync_consent_fields="contact.Sms__c", actions_opt_out_field="Sales_No__c")
    )
    assert (rules.mapping.consent, rules.mapping.sales_opt_out) == (("contact.Sms__c",), "Sales_No__c")


def using(world: World, *own: str) -> SyncPolicy:
    """Return the world's rules with these mappings of contacts."""
    fields = chosen([f"contact.{one}" for one in own])["contact"]
    return replace(world.rules, mapping=Choice({world.pairing.name: fields}))


def test_a_remapped_field_forgets_what_its_former_one_agreed_on_and_nothing_is_pushed_by_it(world: World) -> None:
    """FIELD-19: both sides meet for the first time with the next update of a record, so neither is emptied by it."""
    (ada, her), (bob, his) = (world.linked(LastName=name, Title="Dr") for name in ("Ada", "Bob"))
    phone_fills_title = using(world, "Phone=title", "Title=")
    before = world.rows("link", "agreed['title']")
    world.rules, declared = phone_fills_title, world.rules
    assert world.cycle(apply=False).planned.touched == 0
    assert world.rows("link", "agreed['title']") == before == [("Dr",), ("Dr",)]

    world.cycle()
    assert (world.crm.writes, world.marketo.writes) == ([], [])
    assert world.rows("link", "agreed['title']") == [(None,), (None,)]
    world.crm.edit(ada, LastName="Ada L.")
    world.cycle()
    assert (world.crm.records[ada]["Phone"], world.marketo.records[her]["title"]) == ("Dr", "Dr")
    assert world.crm.records[bob].get("Phone") is None

    world.rules = declared  # and back: what was agreed on before the first change is no base any more
    world.cycle()
    world.marketo.edit(his, title="Prof")
    world.cycle()
    assert (world.crm.records[bob]["Title"], world.marketo.records[his]["title"]) == ("Dr", "Dr")
    assert world.rows("conflict", "field, crm_value, marketo_value, base_value") == [("title", "Dr", "Prof", None)]


def test_a_field_that_is_hidden_for_a_while_is_no_remapped_one(world: World) -> None:
    """FIELD-13: what was agreed on before still tells who changed it meanwhile."""
    ada, her = world.linked(Title="Dr")
    declared, world.rules = world.rules, using(world, "Title=")
    world.marketo.edit(her, title="Prof")
    world.cycle()
    assert world.crm.records[ada]["Title"] == "Dr"
    world.rules = declared
    world.marketo.edit(her, lastName="Ada L.")
    assert world.cycle().planned.conflicts == 0
    assert world.crm.records[ada]["Title"] == "Prof"


def test_values_that_lead_and_contact_have_in_common_are_told_of_a_field_that_both_feed() -> None:
    """FIELD-10: what only one of them takes is named with it; equal lists and other fields tell nothing."""
    both, one_way = "⇄", "→"
    found = [
        Mapped("lead", "LeadSource", "leadSource", both, picklist=("Web", "Fair", "Partner")),
        Mapped("contact", "LeadSource", "leadSource", both, said="new", picklist=("Fair", "Web")),
        Mapped("lead", "Rating", "rating", both, picklist=("Hot",)),
        Mapped("lead", "Salutation", "salutation", both, picklist=("Mr.", "Ms.")),
        Mapped("contact", "Salutation", "salutation", both, picklist=("Ms.", "Mr.")),
        Mapped("account", "Industry", "leadSource", one_way, picklist=("Steel",)),
    ]
    of = dict.fromkeys(("lead", "contact"), "person") | {"account": "company"}
    told = [one.said for one in with_common_values(found, of)]
    assert told == [
        "values of lead and contact in common: Web, Fair; of lead alone: Partner",
        "new; values of lead and contact in common: Fair, Web",
        *[""] * 4,
    ]
