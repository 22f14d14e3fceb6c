"""Which mapped fields are of consent: those declared so, under whatever name the other side has them, and chosen ones.

A custom opt-out that is mapped to `unsubscribed` holds consent as well, because one of its ends does.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sync_pipeline.catalog.mappings_account import on_account
from sync_pipeline.catalog.mappings_person import CONSENT
from sync_pipeline.model import Mapping

FORM = re.compile(r"\w+\.\w+", re.ASCII)
_DECLARED = frozenset(
    name.lower() for mapping in CONSENT for name in (mapping.crm, on_account(mapping.crm), mapping.marketo) if name
)


def is_consent(pairing: str, mapping: Mapping, own: Collection[str] = ()) -> bool:
    """Tell whether either end of a mapping is a field by which a person says no.

    Args:
        own: fields that an operator names, of either side, as in `contact.Sms_Opt_Out__c`; letter case does not count.
    """
    ends = {name.lower() for name in (mapping.crm, mapping.marketo) if name}
    chosen = {name.lower() for name in own}
    return mapping.consent or bool(ends & _DECLARED) or any(f"{pairing.lower()}.{end}" in chosen for end in ends)


def parsed(parts: Collection[str]) -> tuple[str, ...]:
    """Return the fields that an operator names.

    Raises:
        ValueError: one does not name a pairing and a field.
    """
    if bad := [part for part in parts if not FORM.fullmatch(part)]:
        raise ValueError(f"{', '.join(map(repr, bad))} names no field of consent: contact.Sms_Opt_Out__c does")
    return tuple(parts)
