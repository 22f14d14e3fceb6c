"""How an operator writes down a field's mapping: `contact.Region__c=territory`, with a rule `...=territory:crm_wins`.

Nothing after the equals sign: the field is not synced.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sync_pipeline.model import Chosen, Rule

FORM = re.compile(r"(?P<pairing>\w+)\.(?P<crm>\w+)=(?P<marketo>\w*)(:(?P<rule>\w+))?", re.ASCII)


def chosen(parts: Iterable[str]) -> Mapping[str, tuple[Chosen, ...]]:
    """Return the mappings that are written down, by the name of their pairing.

    Raises:
        ValueError: one is not of that form, names an unknown rule, or says something else of a field named before.
    """
    found: dict[str, list[Chosen]] = defaultdict(list)
    for part in parts:
        told = FORM.fullmatch(part)
        if not told or (told["rule"] and (told["rule"] not in set(Rule) or not told["marketo"])):
            raise ValueError(
                f"{part!r} is no mapping: contact.Region__c=territory, contact.Region__c= for none, or with a rule, "
                f"contact.Region__c=territory:crm_wins; rules: {', '.join(Rule)}"
            )
        one = Chosen(told["crm"], told["marketo"], Rule(told["rule"]) if told["rule"] else None)
        of = found[told["pairing"]]
        if any(one.crm == other.crm or (one.marketo and one.marketo == other.marketo) for other in of):
            raise ValueError(f"{part!r}: {told['pairing']}.{one.crm} or {one.marketo} is mapped twice")
        of.append(one)
    return {name: tuple(some) for name, some in found.items()}
