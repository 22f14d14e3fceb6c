"""What the staff of an org does: how often which kind of edit, to which objects and fields, and with what values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from faker import Faker

Make = Callable[[Random, Faker], Any]
Kinds = Mapping[str, tuple[int, tuple[str, ...]]]

_SALESFORCE: Kinds = {
    "updated": (70, ("Lead", "Contact", "Lead", "Contact", "Account", "Opportunity", "Task", "Invoice__c")),
    "created": (10, ("Lead", "Contact", "Task")),
    "touched": (10, ("Lead", "Contact", "Account", "Campaign", "CampaignMember")),
    "deleted": (5, ("Lead", "Contact", "Task", "Opportunity")),
    "undeleted": (4, ("Lead", "Contact", "Task", "Opportunity")),
    "merged": (1, ("Lead", "Contact", "Account")),
}
# A contact of a Veeva org is mostly half a person, who is created and deleted as an account.
_VEEVA: Kinds = {
    "updated": (70, ("Contact", "Contact", "Account", "Call2_vod__c", "Call2_vod__c", "Call2_Key_Message_vod__c")),
    "created": (10, ("Call2_vod__c", "Account")),
    "touched": (10, ("Account", "Call2_vod__c", "Address_vod__c")),
    "deleted": (5, ("Account", "Call2_vod__c")),
    "undeleted": (4, ("Account", "Call2_vod__c")),
    "merged": (1, ("Account",)),
}
# By CRM, how often each kind of edit happens, and to which objects.
KINDS = {"salesforce": _SALESFORCE, "veeva": _VEEVA}


def phone(random: Random, _: Faker) -> str:
    return f"+49 {random.randrange(100, 999)} {random.randrange(10**6, 10**7)}"


def title(random: Random, faker: Faker) -> str:
    return f"{faker.job()} {random.randrange(1000)}"[:80]


def note(random: Random, faker: Faker) -> str:
    return f'{faker.sentence()}\n"{faker.sentence()}", {random.randrange(10**6)}'


def presentation(random: Random, _: Faker) -> str:
    return f"What is new? Edition {random.randrange(1000)}"


def reaction(random: Random, _: Faker) -> str:
    return random.choice(["Positive", "Neutral", "Negative"])


def amount(random: Random, _: Faker) -> float:
    return random.randrange(10**8) / 100


FLIP = None  # the new value of a yes-or-no field is the other one
CHANGES: Mapping[str, Mapping[str, Make | None]] = {
    "Lead": {"Title": title, "Phone": phone, "Description": note, "HasOptedOutOfEmail": FLIP},
    "Contact": {"Title": title, "MobilePhone": phone, "Description": note, "HasOptedOutOfEmail": FLIP},
    "Account": {"Phone": phone, "Description": note, "AnnualRevenue": amount},
    "Opportunity": {"Amount": amount, "NextStep": title, "Description": note},
    "Task": {"Description": note, "IsReminderSet": FLIP},
    "Invoice__c": {"Amount__c": amount, "Paid__c": FLIP},
    "Call2_vod__c": {"Next_Call_Notes_vod__c": note, "Unlock_vod__c": FLIP},
    "Call2_Key_Message_vod__c": {"Clm_Presentation_Name_vod__c": presentation, "Reaction_vod__c": reaction},
}
