"""The exact and the fuzzy report on people of whom it is known who is who; the set is made here, with a fixed seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import combinations

import pyarrow as pa
import pytest

from sync_pipeline.lake import Lake
from sync_pipeline.sales_insight import fuzzy
from sync_pipeline_tests.sales_insight.org import Mirrored

FIRST = (
    "Ada", "Bea", "Carl", "Dora", "Emil", "Fritz", "Greta", "Hans", "Ida", "Jonas", "Karla", "Luis", "Mona", "Nils",
    "Olga", "Paul", "Rosa", "Sven", "Tina", "Uwe",
)  # fmt: skip
LAST = (
    "Abel", "Bach", "Cramer", "Dietz", "Ebert", "Frank", "Graf", "Huber", "Jansen", "Keller", "Lange", "Maurer",
    "Neumann", "Otto", "Peters", "Roth",
)  # fmt: skip
ENDS = ["", "mann", "stein", "berg", "son", "feld", "ova"]
FIRMS = [f"{word} {kind}" for word in ["Nord", "Alpen", "Rhein", "Delta", "Orion", "Vega", "Luna", "Apex"]
         for kind in ["Foods", "Steel", "Media", "Labs", "Tools"]]  # fmt: skip
Person = dict[str, str | None]


def person(drawn: random.Random, number: int) -> Person:
    first, last = drawn.choice(FIRST), drawn.choice(LAST) + drawn.choice(ENDS)
    firm = drawn.choice(FIRMS)
    mail = f"{first}.{last}{number % 7 or ''}@{firm.replace(' ', '-')}.example".lower()
    phone = f"+49 {drawn.randrange(30, 99)} {drawn.randrange(10**6, 10**7)}"
    return {"firstName": first, "lastName": last, "company": firm, "phone": phone, "email": mail}


def typo(drawn: random.Random, text: str) -> str:
    at = drawn.randrange(1, len(text) - 1)
    return drawn.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :],
        ]
    )


def again(drawn: random.Random, one: Person) -> Person:
    """Return the same person as somebody else typed them in."""
    told = dict(one)
    if drawn.random() < 0.4:
        told["lastName"] = typo(drawn, str(one["lastName"]))
    if drawn.random() < 0.5:
        told["company"] = f"{one['company']} {drawn.choice(['GmbH', 'Inc.', 'Ltd'])}"
    if drawn.random() < 0.5:
        told["phone"] = drawn.choice([None, str(one["phone"]).replace("+49 ", "0").replace(" ", "-")])
    if drawn.random() < 0.6:
        told["email"] = drawn.choice([None, f"{str(one['email']).partition('@')[0]}@mail.example"])
    return told


def neighbour(drawn: random.Random, one: Person, number: int) -> Person:
    """Return somebody else with the same firm, and with the same phone or last name."""
    other = {**person(drawn, number), "company": one["company"]}
    return {**other, **({"phone": one["phone"]} if drawn.random() < 0.5 else {"lastName": one["lastName"]})}


@pytest.fixture(scope="module")
def labelled() -> tuple[list[Person], set[tuple[int, int]]]:
    """Give people, and the pairs of their numbers that are one person."""
    drawn = random.Random(7)
    people = [person(drawn, number) for number in range(1_200)]
    people += [neighbour(drawn, people[number], number) for number in range(0, 600, 2)]
    doubled = drawn.sample(range(1_200), 400)
    same = {(of + 1, len(people) + nth + 1) for nth, of in enumerate(doubled)}
    return people + [again(drawn, people[of]) for of in doubled], same


@pytest.fixture
def mirrored(lake: Lake, labelled: tuple[list[Person], set[tuple[int, int]]]) -> Mirrored:
    made = Mirrored(lake)
    with lake.transaction() as con:
        con.register(
            "people", pa.Table.from_pylist([{"id": nth, **one} for nth, one in enumerate(labelled[0], start=1)])
        )
        con.execute("insert into lake.marketo.person by name select *, now() as _synced_at from people")
    return made


def test_records_with_one_address_are_all_of_the_exact_report(
    mirrored: Mirrored, labelled: tuple[list[Person], set[tuple[int, int]]]
) -> None:
    mirrored.report()
    found = mirrored.lake.rows("select email, list(record_id::int) from lake.actions.duplicates group by email")
    mails = [one["email"] for one in labelled[0]]
    pairs = {pair for _, ids in found for pair in combinations(sorted(ids), 2)}
    assert pairs == {(a + 1, b + 1) for a, b in combinations(range(len(mails)), 2) if mails[a] and mails[a] == mails[b]}


def test_the_fuzzy_report_finds_four_in_five_and_is_right_in_nineteen_of_twenty(
    mirrored: Mirrored, labelled: tuple[list[Person], set[tuple[int, int]]]
) -> None:
    pytest.importorskip("splink", reason="the extra `fuzzy` is not installed")
    done = fuzzy.report(mirrored.lake, "salesforce", mirrored.now)
    rows = mirrored.lake.rows("select record, other, probability, because from lake.actions.fuzzy_duplicates")
    found = {tuple(sorted(int(key.rpartition("/")[2]) for key in row[:2])) for row in rows}
    same = labelled[1]
    assert (done.records, done.pairs) == (len(labelled[0]), len(rows))
    precision, recall = len(found & same) / len(found), len(found & same) / len(same)
    assert (precision >= 0.95, recall >= 0.80) == (True, True), (precision, recall)
    assert all(because and 0.9 <= probability <= 1 for _, _, probability, because in rows)


def test_without_splink_the_message_says_what_to_install(lake: Lake) -> None:
    if find_spec("splink"):
        pytest.skip("the extra `fuzzy` is installed")
    Mirrored(lake)
    with pytest.raises(fuzzy.FuzzyError, match=r"pip install 'sync-pipeline\[fuzzy\]'"):
        fuzzy.report(lake, "salesforce", datetime(2026, 1, 1, tzinfo=UTC))
