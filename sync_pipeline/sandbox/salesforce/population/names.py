"""Pools of names and addresses in the spelling of many countries, drawn once from Faker and combined in SQL.

A pool is one flat list: `SIZE` values for each locale, locales in the order of `LOCALES`. Faker's own generators take
tens of microseconds a value; a list looked up by hash takes a quarter of one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from faker import Faker
from faker.providers.address.it_IT import Provider as ItalianAddresses

SIZE = 400

# Faker lists the towns of Italy in the order of a set, which is another one in each process.
ItalianAddresses.cities = sorted(ItalianAddresses.cities)


class Locale(NamedTuple):
    """`share` is how many of a hundred people live there, `dial` the country's calling code, `iso` its two letters."""

    code: str
    iso: str
    country: str
    dial: str
    share: int


LOCALES = (
    Locale("en_US", "us", "United States", "1", 34),
    Locale("en_GB", "gb", "United Kingdom", "44", 9),
    Locale("de_DE", "de", "Germany", "49", 9),
    Locale("fr_FR", "fr", "France", "33", 8),
    Locale("es_ES", "es", "Spain", "34", 6),
    Locale("pt_BR", "br", "Brazil", "55", 6),
    Locale("it_IT", "it", "Italy", "39", 5),
    Locale("nl_NL", "nl", "Netherlands", "31", 4),
    Locale("pl_PL", "pl", "Poland", "48", 4),
    Locale("sv_SE", "se", "Sweden", "46", 3),
    Locale("cs_CZ", "cz", "Czechia", "420", 3),
    Locale("tr_TR", "tr", "Türkiye", "90", 3),
    Locale("el_GR", "gr", "Greece", "30", 2),
    Locale("ja_JP", "jp", "Japan", "81", 2),
    Locale("zh_CN", "cn", "China", "86", 1),
    Locale("ru_RU", "kz", "Kazakhstan", "7", 1),
)


@cache
def pools(seed: int) -> dict[str, list[str]]:
    """Return the pools by kind: first, last, first_ascii, last_ascii, city, street, postcode, job, suffix, text.

    The `_ascii` pools run parallel to the names and hold what an e-mail address makes of them.
    """
    drawn: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for locale in LOCALES:
        faker = Faker(locale.code)
        faker.seed_instance(seed)
        for kind, draw in _KINDS.items():
            drawn[kind] += [draw(faker) for _ in range(SIZE)]
    for kind in ("first", "last"):
        drawn[f"{kind}_ascii"] = [ascii_of(name) or "info" for name in drawn[kind]]
    return drawn


_KINDS: dict[str, Callable[[Faker], str]] = {
    "first": lambda faker: faker.first_name(),
    "last": lambda faker: faker.last_name(),
    "city": lambda faker: faker.city(),
    "street": lambda faker: faker.street_address(),
    "postcode": lambda faker: faker.postcode(),
    "job": lambda faker: faker.job(),
    "suffix": lambda faker: faker.company_suffix() if hasattr(faker, "company_suffix") else "",
    "text": lambda faker: faker.sentence(nb_words=12),
}


def ascii_of(name: str) -> str:
    """Return the letters and digits a mail address keeps of a name: accents dropped, other scripts gone."""
    spelled = name.lower().translate(_SPELLED)
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", spelled))


_SPELLED = str.maketrans({"ß": "ss", "ł": "l", "\u0131": "i", "ø": "o", "æ": "ae"})  # no accents that could be dropped
