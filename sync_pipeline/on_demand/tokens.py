"""Tokens in the subject and description of a task (FLOW-9). Pure.

A webhook's template is filled in by Marketo before it is sent; for requests from elsewhere those of the person, its
company and the system are filled in here. Campaign tokens are known to Marketo alone and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

_TOKEN = re.compile(r"\{\{(lead|company|system)\.([^}:]+)(?::default=([^}]*))?\}\}", re.IGNORECASE)


def fields(texts: Iterable[str], labels: Mapping[str, str]) -> set[str]:
    """Return the fields of a person that tokens in these texts name.

    Args:
        labels: Marketo's field by its label in lower case, as tokens name it.
    """
    found = (match for text in texts for match in _TOKEN.finditer(text))
    return {labels[m[2].strip().lower()] for m in found if m[2].strip().lower() in labels}


def filled(text: str, labels: Mapping[str, str], values: Mapping[str, str | None], now: datetime) -> str:
    """Return a text with its tokens filled in; an empty value gives the token's default, an unknown token stays."""
    system = {"date": f"{now:%Y-%m-%d}", "time": f"{now:%H:%M}", "datetime": f"{now:%Y-%m-%d %H:%M}"}

    def one(match: re.Match[str]) -> str:
        of, name, default = match[1].lower(), match[2].strip().lower(), match[3] or ""
        if of == "system":
            return system.get(name, match[0])
        return (values.get(labels[name]) or default) if name in labels else match[0]

    return _TOKEN.sub(one, text)
