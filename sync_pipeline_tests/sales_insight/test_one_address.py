"""Where a sales tool names a person: one address or id, or a refusal; a guard that cannot read its input refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline.lake.table import full_name
from sync_pipeline.sales_insight import tables
from sync_pipeline.sales_insight.inputs import ACTIVITY, INPUTS, KINDS, UNSUBSCRIBE, Input
from sync_pipeline.sales_insight.intake import take
from sync_pipeline.sales_insight.may_send import may_send
from sync_pipeline.sales_insight.told import LeftOut
from sync_pipeline.web import actions
from sync_pipeline_tests import hostile

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUIRED: dict[str, dict[str, object]] = {
    "sales_activity": {"kind": "call", "happened_at": NOW},
    "unsubscribe": {"happened_at": NOW},
    "reminder_task": {"updated_at": NOW, "name": "Call", "status": "open"},
}
PLAIN = {
    "marketo_id": "7",
    "salesforce_id": "003000000000007",
    "email": hostile.ADDRESS,
    "owner_id": "005000000000001AAA",
}
NAMES = [(into, value.name) for into in INPUTS.values() for value in into.values if value.parse]


@pytest.mark.parametrize(("into", "name"), NAMES, ids=lambda one: getattr(one, "table", one))
def test_of_what_a_sales_tool_tells_a_person_that_is_not_one_is_refused(lake: Lake, into: Input, name: str) -> None:
    """Law 8: the others are taken, as they were told, so that they are known again."""
    fits = {into.key: "fits", **REQUIRED[into.table], "marketo_id": 7, name: PLAIN[name]}
    wrong = [{**fits, into.key: key, name: text} for key, text in hostile.TEXTS.items() if text.strip()]
    for known in (0, 1):
        done = take(lake, into, [fits, *wrong], NOW)
        assert (done.new, done.known) == (1 - known, known)
        assert {one.key for one in done.refused if one.value == name} == {one[into.key] for one in wrong}
    kept = full_name(tables.SCHEMA, into.table)
    assert lake.rows(f"select {name}::varchar from {kept}") == [(PLAIN[name],)]


class Marketo:
    """Marketo, which answers what it is told to answer."""

    def __init__(self, *people: dict[str, object]) -> None:
        self.people = people

    def persons(self, by: str, value: str, fields: Sequence[str]) -> Sequence[dict[str, object]]:
        return self.people


@pytest.mark.parametrize("text", hostile.TEXTS.values(), ids=hostile.TEXTS)
def test_no_e_mail_goes_to_what_is_not_one_address(lake: Lake, text: str) -> None:
    """SIA-UNS-8: not even a transactional one."""
    assert not may_send(lake, Marketo(), text).allowed
    assert not may_send(lake, Marketo(), text, transactional=True).allowed


@pytest.mark.parametrize("value", hostile.VALUES.values(), ids=hostile.VALUES)
def test_a_check_of_what_is_no_text_is_no_check(lake: Lake, value: object) -> None:
    """SIA-UNS-8."""
    reply = actions.check(lambda *_, **__: pytest.fail("asked")).answer({"email": value})
    assert (reply.status, "allowed" in reply.body) == (400, False)


@pytest.mark.parametrize("transactional", [1, "yes", ["true"], {}, None, "True "])
def test_what_is_neither_true_nor_false_is_refused(transactional: object) -> None:
    asked = {"email": hostile.ADDRESS, "transactional": transactional}
    assert actions.check(lambda *_, **__: pytest.fail("asked")).answer(asked).status == 400


@pytest.mark.parametrize(
    "person",
    [{}, {"email": hostile.ADDRESS}, {"unsubscribed": False}, {"email": hostile.ADDRESS, "unsubscribed": "true"},
     {"email": hostile.ADDRESS, "unsubscribed": 1}, {"email": None, "unsubscribed": False},
     {"email": hostile.OTHER, "unsubscribed": False}],
    ids=str,
)  # fmt: skip
def test_an_answer_that_does_not_tell_forbids(lake: Lake, person: dict[str, object]) -> None:
    """SIA-UNS-6, SIA-UNS-8."""
    assert may_send(lake, Marketo({"email": hostile.ADDRESS, "unsubscribed": False}), hostile.ADDRESS).allowed
    assert not may_send(lake, Marketo(person), hostile.ADDRESS).allowed


@pytest.mark.parametrize("column", ["email", "_person_id", "_cleared_at", "salesforce_id"])
def test_a_table_that_cannot_be_read_forbids(lake: Lake, column: str) -> None:
    """SIA-UNS-8."""
    take(lake, UNSUBSCRIBE, [{"unsubscribe_id": "u", "happened_at": NOW, "email": hostile.OTHER}], NOW)
    assert may_send(lake, None, hostile.ADDRESS).allowed
    with lake.transaction() as con:
        con.execute(f"alter table {full_name(*tables.UNSUBSCRIBES.table)} rename column {column} to was_{column}")
    assert not may_send(lake, None, hostile.ADDRESS).allowed


@pytest.mark.parametrize(
    ("email", "blocked"),
    [("a@Rival.example", "rival.example"), ("a@mail.rival.example", ".Rival.example"),
     ("a@m\u00fcller.example", "xn--mller-kva.example"),
     ("a@xn--mller-kva.example", " M\u00fcller.example"), ("a@M\u00dcLLER.example", "@mu\u0308ller.example"),
     ("a@x.example", "x..example"), ("a@x.example", "y" * 64)],
)  # fmt: skip
def test_a_domain_is_blocked_however_it_is_written(lake: Lake, email: str, blocked: str) -> None:
    """SIA-UNS-7: a setting that cannot be read blocks all."""
    assert not may_send(lake, None, email, transactional=True, blocked_domains=[blocked]).allowed
    assert may_send(lake, None, email, transactional=True, blocked_domains=["other.example"]).allowed


@pytest.mark.parametrize("email", [" \u00a0ADA@x.example\u200b", "ada@x.example", "Ada@X.Example\t"])
def test_who_is_unsubscribed_is_so_however_the_address_is_written(lake: Lake, email: str) -> None:
    """SIA-UNS-6, UNSUB-2."""
    take(lake, UNSUBSCRIBE, [{"unsubscribe_id": "u", "happened_at": NOW, "email": "\ufeffada@X.example\u00a0"}], NOW)
    assert not may_send(lake, None, email).allowed


def test_an_attribute_that_a_kind_does_not_have_is_left_out_and_told_once(lake: Lake) -> None:
    """SIA-ACT-2: a uniform file is taken whole, of each kind what it has."""
    attributes = {v.name: "1" for v in ACTIVITY.values if v.label and not v.choices}
    told = [
        {"activity_id": f"{kind.name}-{n}", "kind": kind.name, "happened_at": NOW, "marketo_id": 7, **attributes}
        for kind in KINDS
        for n in range(2)
    ]
    for new in (len(told), 0):
        done = take(lake, ACTIVITY, told, NOW)
        assert (done.new, done.known, done.refused) == (new, len(told) - new, ())
    lacking = [(kind.name, name) for kind in KINDS for name in attributes if name not in kind.attributes]
    assert sorted(done.left_out, key=vars_of) == sorted((LeftOut(*one, 2) for one in lacking), key=vars_of)
    for kind in KINDS:
        row = lake.rows(f"select {', '.join(attributes)} from lake.actions.sales_activity where kind = '{kind.name}'")[
            0
        ]
        kept = {name for name, value in zip(attributes, row, strict=True) if value is not None}
        assert kept == set(kind.attributes) & attributes.keys()


def vars_of(one: LeftOut) -> tuple[str, str]:
    return one.kind, one.value
