"""The page of the case table of the two-way sync."""

from __future__ import annotations

from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.model import Rule
from sync_pipeline.sync.resolve import CASES, REFUSED_BECAUSE

RULES = {
    Rule.CRM_WINS: "the CRM's value; the default for contacts (SF-CONTACT-3)",
    Rule.MARKETO_WINS: "Marketo's value; the default for leads (SF-LEAD-2)",
    Rule.TRUE_WINS: "the side that says true; recommended for the e-mail opt-out (UNSUB-4)",
    Rule.NEWEST: "the value of the record that was modified last",
}


def deciding_page() -> str:
    """Return the page of the case table of the two-way sync."""
    parts = [
        f"{NOTE}\n# Who is right about a field\n\nFor each link that a change touched, every mapped field is compared "
        "in three ways: what the CRM has, what Marketo has, and the base, the value on which both last agreed. Time "
        "stamps find what is to be looked at; values decide. The first line that holds counts.\n",
        table(("case", "outcome"), [(case.name, f"`{case.outcome}`") for case in CASES]),
        "\nA conflict is on record in `sync.conflict` and resolved by the field's rule:\n",
        table(("rule", "what is taken"), [(f"`{rule}`", said) for rule, said in RULES.items()]),
        "\nWhat keeps a chosen value from being written; the field then stays as it is on both sides, the others of "
        "the record are written, and the refusal is in `sync.error`:\n",
        table(("code", "because"), [(f"`{code}`", said) for code, said in REFUSED_BECAUSE.items()]),
    ]
    return "\n".join(parts)
