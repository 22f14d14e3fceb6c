"""What is synced: the declarations of objects and of their field mappings. Data only, no I/O.

`salesforce`, `veeva` and `marketo` declare the objects, `mappings_*` the fields of the CRM's (those that flow
one way by `directions`, those that an operator chooses by `chosen`), `pairings` which records are one and the same,
`ignored` what the native sync leaves out.
Adding an object is one declaration; no other module names one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf

from sync_pipeline.catalog import marketo, salesforce, veeva
from sync_pipeline.catalog.ignored import IGNORED_BY_NATIVE, ignored_by_native
from sync_pipeline.catalog.mappings_account import PERSON_ACCOUNT
from sync_pipeline.catalog.pairings import (
    CAN_BE_FILTERED,
    campaign_pairings,
    custom_pairings,
    pairings,
    veeva_pairings,
    with_member_leads,
)
from sync_pipeline.model import Object

__all__ = [
    "CAN_BE_FILTERED",
    "IGNORED_BY_NATIVE",
    "PERSON_ACCOUNT",
    "by_name",
    "campaign_pairings",
    "custom_pairings",
    "ignored_by_native",
    "objects",
    "pairings",
    "refused",
    "veeva_pairings",
    "with_member_leads",
]

_OBJECTS_OF = {"salesforce": salesforce.objects, "veeva": veeva.objects, "marketo": marketo.objects}
_REFUSED_OF: MappingOf[str, MappingOf[str, str]] = {"veeva": veeva.REFUSED}


def objects(system: str, custom: Sequence[str] = ()) -> tuple[Object, ...]:
    """Return the objects of a system in the order of a first load, with the custom objects of these API names.

    Raises:
        ValueError: an unknown system, or a custom object that is misspelt, refused or named twice (SF-CO-4).
    """
    if system not in _OBJECTS_OF:
        raise ValueError(f"unknown system {system!r}; known: {', '.join(_OBJECTS_OF)}")
    for source in custom:
        _check_not_refused(system, source)
    declared = _OBJECTS_OF[system](custom)
    twice = [name for name, count in Counter(o.source.lower() for o in declared).items() if count > 1]
    if twice:
        raise ValueError(f"named more than once among the objects of {system}: {', '.join(twice)}")
    return declared


def refused(crm: str) -> MappingOf[str, str]:
    """Return the objects of a CRM that take no part in its sync though one may see them, with the reason."""
    return _REFUSED_OF.get(crm, {})


def by_name(name: str, among: Iterable[Object]) -> Object:
    """Return the object that `name` means: our name or the system's own, in upper or lower case.

    With the system before it (`marketo/opportunity`) a name is always clear; alone it means the first that has it.

    Raises:
        ValueError: none of `among` is called that; the message lists our names, or says why the object is refused.
    """
    declared = tuple(among)
    for one in declared:
        if name.lower() in (one.name, one.source.lower(), one.title):
            return one
    for system in {one.system for one in declared}:
        _check_not_refused(system, name)
    raise ValueError(f"unknown object {name!r}; known: {', '.join(o.name for o in declared)}")


def _check_not_refused(crm: str, name: str) -> None:
    for source, why in refused(crm).items():
        if name.lower() == source.lower():
            raise ValueError(f"{source} is not part of the {crm.title()} sync: {why}")
