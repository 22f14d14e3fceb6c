"""Strategies that draw random SOQL queries whose values are near those that an org has."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sync_pipeline_tests.sandbox.oracle import (
    Both,
    Compare,
    Condition,
    Data,
    During,
    Field,
    Includes,
    Like,
    Not,
    Order,
    SemiJoin,
)
from sync_pipeline_tests.sandbox.queries import PARTS, Grouping, Key, Listing

ID = Field("Id", "id", groupable=True)
CREATED, STAMP = Field("CreatedDate", "time"), Field("SystemModstamp", "time")
ACCOUNT, OWNER = ("Account", "AccountId", "Account"), ("Owner", "OwnerId", "User")
OF_ACCOUNT = (
    Field("Name", "text", groupable=True),
    Field("Industry", "text", groupable=True),
    Field("AnnualRevenue", "number"),
    Field("NumberOfEmployees", "number", groupable=True),
    Field("ParentId", "id", groupable=True),
)


def through(step: tuple[str, str, str], fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(Field(f.name, f.kind, (step, *f.steps), f.groupable) for f in fields)


FIELDS: dict[str, tuple[Field, ...]] = {
    "Account": (ID, CREATED, STAMP, *OF_ACCOUNT, *through(("Parent", "ParentId", "Account"), OF_ACCOUNT)),
    "Contact": (
        ID,
        CREATED,
        Field("FirstName", "text", groupable=True),
        Field("LastName", "text", groupable=True),
        Field("Email", "text", groupable=True),
        Field("DoNotCall", "flag", groupable=True),
        Field("Birthdate", "date", groupable=True),
        Field("Topics__c", "set"),
        Field("AccountId", "id", groupable=True),
        *through(ACCOUNT, (ID, *OF_ACCOUNT, *through(OWNER, (Field("Alias", "text", groupable=True),)))),
    ),
    "Opportunity": (
        ID,
        STAMP,
        Field("Name", "text", groupable=True),
        Field("StageName", "text", groupable=True),
        Field("Amount", "number"),
        Field("CloseDate", "date", groupable=True),
        Field("IsWon", "flag", groupable=True),
        Field("AccountId", "id", groupable=True),
        *through(ACCOUNT, OF_ACCOUNT),
    ),
}
# (object, its field) that can stand right of IN, for a field that holds ids of accounts
ACCOUNT_IDS = (("Account", ID), ("Contact", FIELDS["Contact"][8]), ("Opportunity", FIELDS["Opportunity"][7]))
CHILDREN = {"Account": (("Contacts", "Contact", "AccountId"), ("Opportunities", "Opportunity", "AccountId"))}
TEXTS = ("", "%", "_", "a\\", "O'Hara", "ÄRGER", "ärger", "line\nbreak", "NA", "null", "Zoë", "50%_")
BEGIN = datetime.fromisoformat("2024-02-29T00:00:00")  # as the org keeps times: UTC, without a zone
TOPICS = ("red", "green", "blue")
DATE_LITERALS = [
    ("TODAY", "DAY", 0, 0),
    ("YESTERDAY", "DAY", -1, -1),
    ("TOMORROW", "DAY", 1, 1),
    ("LAST_90_DAYS", "DAY", -90, 0),
    ("NEXT_90_DAYS", "DAY", 1, 90),
]


@st.composite
def date_literals(draw: st.DrawFn) -> tuple[str, str, int, int]:
    """Draw a literal with its unit, and how far from today's its first and last unit are."""
    unit = draw(st.sampled_from(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"]))
    count = draw(st.integers(1, 40))
    plain = [("LAST", -1), ("THIS", 0), ("NEXT", 1)] if unit != "DAY" else []
    return draw(
        st.sampled_from(
            [
                *(DATE_LITERALS if unit == "DAY" else []),
                *((f"{word}_{unit}", unit, away, away) for word, away in plain),
                (f"LAST_N_{unit}S:{count}", unit, -count, 0 if unit == "DAY" else -1),
                (f"NEXT_N_{unit}S:{count}", unit, 1, count),
                (f"N_{unit}S_AGO:{count}", unit, -count, -count),
            ]
        )
    )


def values(data: Data, object_: str, field: Field) -> st.SearchStrategy[Any]:
    """Values of a field as some record has them, and some that none has; never null."""
    there = [v for row in data.records[object_].values() if (v := field.of(data, row)) is not None]
    others: dict[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(TEXTS),
        "number": st.integers(-1000, 10**7) | st.floats(-1e6, 1e9, allow_nan=False).map(lambda v: round(v, 2)),
        "flag": st.booleans(),
        "date": st.dates(date(2020, 1, 1), date(2028, 1, 1)),
        "time": st.integers(0, 75_000_000).map(lambda seconds: BEGIN + timedelta(seconds=seconds)),
        "id": st.just("001000000000000AAA"),
    }
    known = st.sampled_from(there) if there else others[field.kind]
    return known | others[field.kind] | (known.map(str.upper) if field.kind == "text" else known)


@st.composite
def comparisons(draw: st.DrawFn, data: Data, object_: str) -> Condition:
    field = draw(st.sampled_from(FIELDS[object_]))
    if field.kind == "set":
        sets = st.lists(st.sampled_from(TOPICS), min_size=1, max_size=2, unique=True).map(tuple)
        return Includes(field, tuple(draw(st.lists(sets, min_size=1, max_size=2))), draw(st.booleans()))
    ordered = ("<", "<=", ">", ">=") if field.kind not in ("flag", "id") else ()
    if field.kind in ("date", "time") and draw(st.booleans()):
        return During(field, draw(st.sampled_from(["=", "!=", *ordered])), *draw(date_literals()))
    if field.kind == "text" and draw(st.integers(0, 3)) == 0:
        return draw(likes(field, values(data, object_, field)))
    found = values(data, object_, field)
    maybe_null = found if field.kind == "flag" else found | st.none()
    operator = draw(st.sampled_from(["=", "!=", "IN", "NOT IN", *ordered]))
    if operator in ("IN", "NOT IN"):
        return Compare(field, operator, tuple(draw(st.lists(maybe_null, min_size=1, max_size=4))))
    return Compare(field, operator, draw(maybe_null if operator in ("=", "!=") else found))


@st.composite
def likes(draw: st.DrawFn, field: Field, texts: st.SearchStrategy[str]) -> Like:
    """Draw a pattern that some text fits: a part of it is replaced by wildcards."""
    text = draw(texts)
    cut = draw(st.integers(0, len(text)))
    wild = draw(st.sampled_from(["%", "_", "%_", ""]))
    rest = [(text[cut + 1 :], False)] if draw(st.booleans()) else []
    return Like(field, ((text[:cut], False), *((letter, True) for letter in wild), *rest))


def conditions(data: Data, object_: str, depth: int = 2) -> st.SearchStrategy[Condition]:
    single: st.SearchStrategy[Condition] = comparisons(data, object_)
    if not depth:
        return single
    deeper = conditions(data, object_, depth - 1)
    parts = st.lists(deeper, min_size=2, max_size=3).map(tuple)
    return single | deeper.map(Not) | st.builds(Both, st.sampled_from(["AND", "OR"]), parts)


@st.composite
def semi_joins(draw: st.DrawFn, data: Data, object_: str) -> SemiJoin:
    name = "Id" if object_ == "Account" else "AccountId"
    field = next(f for f in FIELDS[object_] if f.name == name and not f.steps)
    inner_object, inner = draw(st.sampled_from([one for one in ACCOUNT_IDS if one[0] != object_]))
    where = draw(st.none() | conditions(data, inner_object, 1))
    return SemiJoin(field, draw(st.sampled_from(["IN", "NOT IN"])), inner, inner_object, where)


@st.composite
def wheres(draw: st.DrawFn, data: Data, object_: str) -> Condition | None:
    plain = draw(st.none() | conditions(data, object_))
    joins = draw(st.just([]) | st.lists(semi_joins(data, object_), min_size=1, max_size=2))
    all_of = [*([plain] if plain else []), *joins]
    if not all_of:
        return None
    return all_of[0] if len(all_of) == 1 else Conjunction("AND", tuple(all_of))


class Conjunction(Both):
    """Semi-joins lie on the top level only, so no parentheses go around them."""

    @property
    def soql(self) -> str:
        return " AND ".join(c.soql if isinstance(c, SemiJoin) else f"({c.soql})" for c in self.conditions)


def orders(object_: str, most: int = 2) -> st.SearchStrategy[tuple[Order, ...]]:
    """Draw an order that leaves no two records equal."""
    fields = st.sampled_from([f for f in FIELDS[object_] if f.kind != "set"])
    drawn = st.lists(st.builds(Order, fields, st.booleans(), st.booleans()), max_size=most)
    return drawn.map(lambda found: (*found, Order(ID, False, False)))


@st.composite
def listings(draw: st.DrawFn, data: Data) -> Listing:
    object_ = draw(st.sampled_from(sorted(FIELDS)))
    order = draw(st.just(()) | orders(object_))
    fields = draw(st.lists(st.sampled_from(FIELDS[object_]), min_size=1, max_size=5, unique_by=lambda f: f.soql))
    child = draw(st.none() | children(data, object_)) if object_ in CHILDREN else None
    page = st.none() | st.integers(0, 20)
    return Listing(
        object_,
        tuple(fields),
        draw(wheres(data, object_)),
        order,
        draw(page) if order else None,
        draw(page) if order else None,
        draw(st.booleans()),
        child,
    )


@st.composite
def children(draw: st.DrawFn, data: Data, parent: str) -> tuple[str, str, Listing]:
    relationship, object_, reference = draw(st.sampled_from(CHILDREN[parent]))
    fields = draw(st.lists(st.sampled_from(FIELDS[object_]), min_size=1, max_size=3, unique_by=lambda f: f.soql))
    where = draw(st.none() | conditions(data, object_, 1))
    limit = draw(st.none() | st.integers(1, 3))
    return relationship, reference, Listing(object_, tuple(fields), where, draw(orders(object_, 1)), limit)


@st.composite
def groupings(draw: st.DrawFn, data: Data) -> Grouping:
    object_ = draw(st.sampled_from(sorted(FIELDS)))
    fields = FIELDS[object_]
    plain = [Key(f) for f in fields if f.groupable]
    parts = [Key(f, part) for f in fields if f.kind in ("date", "time") for part in PARTS]
    # Two keys of one name need an alias, and a key cannot be aggregated too.
    keys = draw(st.lists(st.sampled_from([*plain, *parts]), max_size=2, unique_by=lambda k: k.field.name))
    free = [f for f in fields if f not in [key.field for key in keys]]
    counted = [(name, f) for f in free if f.kind not in ("flag", "set") for name in ("COUNT", "COUNT_DISTINCT")]
    summed = [(name, f) for f in free if f.kind == "number" for name in ("SUM", "AVG", "MIN", "MAX")]
    bounds = [(name, f) for f in free if f.kind in ("date", "time") for name in ("MIN", "MAX")]
    chosen = draw(st.lists(st.sampled_from([*counted, *summed, *bounds]), min_size=1, max_size=3))
    having = draw(st.none() | st.integers(0, 3)) if not any(k.field.name == "SystemModstamp" for k in keys) else None
    return Grouping(object_, tuple(keys), tuple(chosen), draw(wheres(data, object_)), having, draw(st.booleans()))
