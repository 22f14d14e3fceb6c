"""Which fields of a campaign's member and of a program's can be mapped to one another: those of equal type.

The types are those of Adobe's page on the sync of program member fields (SPEC 11.2).
"""

from __future__ import annotations

from sync_pipeline.model import Field

MOST = 20  # of a subscription (SF-CAMP-14)
TEXTS = ("string", "picklist", "multipicklist", "combobox", "phone", "email", "reference", "base64", "encryptedstring")
MARKETO_TYPE = {
    **dict.fromkeys(TEXTS, "string"),
    "textarea": "text",
    "int": "integer",
    "double(0)": "integer",
    "double": "float",
    "currency": "currency",
    "percent": "percent",
    "boolean": "boolean",
    "url": "url",
    "date": "date",
    "datetime": "datetime",
}
ALSO = {"textarea": "text"}  # words of Marketo's for one type


def kind(field: Field) -> str:
    """Return the type of a field of either system as far as it matters: a number without decimals is another one."""
    return "double(0)" if field.type == "double" and not field.scale else field.type


def is_alike(crm: Field, marketo: Field) -> bool:
    """Tell whether a field of the CRM can be mapped to one of Marketo."""
    return MARKETO_TYPE.get(kind(crm)) == ALSO.get(marketo.type, marketo.type)
