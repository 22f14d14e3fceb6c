"""The page of the case table of the two-way sync."""

from __future__ import annotations

from datetime import date

from sync_pipeline import catalog
from sync_pipeline.catalog.veeva import Kept
from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.model import Pairing, Rule
from sync_pipeline.settings import Settings
from sync_pipeline.sync.decision.capacity import BECAUSE, TO_DO
from sync_pipeline.sync.decision.case_table import CASES

RULES = {
    Rule.CRM_WINS: "the CRM's value; the default for contacts (SF-CONTACT-3)",
    Rule.MARKETO_WINS: "Marketo's value; the default for leads (SF-LEAD-2)",
    Rule.TRUE_WINS: "the side that says true; recommended for the e-mail opt-out (UNSUB-4)",
    Rule.NEWEST: "the value of the record that was modified last; of equal times the CRM's",
}
PAIRED = (
    "CRM",
    "Marketo",
    "told apart in Marketo by",
    "goes in Marketo when it goes in the CRM",
    "made in the CRM",
)


def deciding_page() -> str:
    """Return the page of the case table of the two-way sync."""
    campaigns = catalog.campaign_pairings({"1001": "701000000000001"})
    standard = catalog.with_member_leads(catalog.pairings(), {})
    custom = catalog.custom_pairings(["Car_Sale__c"], ["carSale_c"])
    calls = Settings.model_fields["veeva_call_objects"].default
    veeva = catalog.veeva_pairings(("Professional_vod",), calls, Kept(date.min))
    parts = [
        f"{NOTE}\n# Who is right about a field\n\nFor each link that a change touched, every mapped field is compared "
        "in three ways: what the CRM has, what Marketo has, and the base, the value on which both last agreed. Time "
        "stamps find what is to be looked at; values decide. The first line that holds counts.\n",
        table(("case", "outcome"), [(case.name, f"`{case.outcome}`") for case in CASES]),
        "\nA conflict is on record in `sync.conflict` and resolved by the field's rule:\n",
        table(("rule", "what is taken"), [(f"`{rule}`", said) for rule, said in RULES.items()]),
        "\nWhat keeps a chosen value from being written; the field then stays as it is on both sides, the others of "
        "the record are written, and the refusal is in `sync.error`:\n",
        table(("code", "because", "what to do"), [(f"`{code}`", said, TO_DO[code]) for code, said in BECAUSE.items()]),
        "\nAny other code is the system's own: it refused the record and blamed this field, and was sent the rest. The "
        "value is not sent again before it changes, or `sync-pipeline errors --retry ID`.\n",
        "\n## What is paired\n\nIn this order, so that what others refer to is there before them; a record whose key "
        "refers to something that is not there yet waits, of others only the field does. Custom objects come with "
        "`SYNC_CUSTOM_OBJECTS` and `MARKETO_CUSTOM_OBJECTS` (here `Car_Sale__c`): fields follow from names, the "
        "key is the deduplication field of Marketo's object, and its link fields are filled by the lookups that lead "
        "to the same record. Campaigns come with `SYNC_CAMPAIGNS`; each status of a program's channel must be one of "
        "the campaign's members, in the same spelling, or the link is refused.\n",
        table(PAIRED, [_paired(pairing) for pairing in (*standard, *custom, *campaigns)]),
        "\nOf a Veeva org, besides custom objects. A call waits for its person, a key message for its call; when its "
        "time is over it goes in Marketo and stays in Veeva (`VEEVA_CALL_MONTHS`; looked at once a day):\n",
        table(PAIRED, [_paired(pairing) for pairing in veeva]),
    ]
    return "\n".join(parts)


def _paired(pairing: Pairing) -> tuple[str, ...]:
    key = ", ".join(f"`{name}`" for name in (pairing.keys or (pairing.key,)) if name)
    by = key or ("the settings" if pairing.given else "its deduplication field")
    kept = "yes" if pairing.deletes else "no"
    made = "where its program and person are linked" if pairing.creates else "no"
    made = "for members of linked programs" if pairing.created_for else made
    return f"`{pairing.crm.source}`", f"`{pairing.marketo.source}`", by, kept, made
