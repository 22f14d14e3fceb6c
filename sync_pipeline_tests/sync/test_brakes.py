"""Law 7 over every disaster: a small org is stopped too, what is stopped is stopped whole, and let through once.

Each disaster happens to 30 of 40 contacts, with the limits that the settings have if nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline.lake import ledger
from sync_pipeline.sync.planning import brakes
from sync_pipeline.sync.policy import Limits, SyncPolicy
from sync_pipeline_tests.plain import PlainLake
from sync_pipeline_tests.sync.lives import Lives

pytestmark = pytest.mark.matrix

ORG, HIT = 40, 30
LIMITS = Limits(share=0.5, emptied=0.1, doubled=0.1, few=20, gone=0.1, few_gone=10)
RULES = SyncPolicy(limits=LIMITS)
KEPT = ("link", "outbox", "conflict", "decided", "fed_by")


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    with PlainLake(tmp_path) as lake:
        made = Lives(lake, tmp_path / "landing")
        made.of_contacts = replace(made.of_contacts, filter="", alive="true")
        made.pairings = (made.of_contacts, made.of_leads)
        yield made


def firm(lives: Lives, size: int = ORG) -> list[str]:
    """Make contacts with a value in each field; they are persons, and nothing is left to be done."""
    ids = [
        lives.contact(LastName=f"N{i}", Phone=f"0{i}", Email=f"n{i}@x.example", HasOptedOutOfEmail=True)
        for i in range(size)
    ]
    lives.settled()
    lives.rules = RULES
    return ids


def state(lives: Lives, pairing: str) -> dict[str, Any]:
    """Return all that a pass remembers of a pairing, without mere plans and what waits to be looked at."""
    found = {name: lives.lake.rows(f"from {ledger.table(name)} where pairing = '{pairing}'") for name in KEPT}
    found["outbox"] = lives.lake.rows(f"from {ledger.table('outbox')} where pairing = '{pairing}' and applied")
    return {name: sorted(map(repr, rows)) for name, rows in found.items()}


def deleted(lives: Lives, ids: list[str]) -> None:
    for one in ids:
        lives.contacts.delete(one)


def hidden(lives: Lives, ids: list[str]) -> None:
    with lives.lake.transaction() as con:
        brakes_of = ", ".join(f"'{one}'" for one in ids)
        table = f"lake.salesforce.{lives.of_contacts.crm.name}"
        con.execute(f'update {table} set _deleted_at = now() where "Id" in ({brakes_of})')
        con.execute(
            f"insert into {table}_changes by name select \"Id\", 'delete' as _change, now() as _changed_at, "
            f"(select max(_detected_at) + interval 1 second from {table}_changes) as _detected_at, 'x' as _run_id "
            f'from {table} where "Id" in ({brakes_of})'
        )


def filtered(lives: Lives, ids: list[str]) -> None:
    lives.pairings = tuple(
        replace(p, alive=f'"LastName" not in ({", ".join(repr(f"N{i}") for i in range(len(ids)))})')
        if p is lives.of_contacts
        else p
        for p in lives.pairings
    )


def merged(lives: Lives, ids: list[str]) -> None:
    for one in ids[1:]:
        lives.contacts.delete(one, ids[0])


def lost_in_marketo(lives: Lives, ids: list[str]) -> None:
    for one in ids:
        lives.people.delete(lives.person(one))


def merged_in_marketo(lives: Lives, ids: list[str]) -> None:
    first = lives.person(ids[0])
    for one in ids[1:]:
        lives.people.merge(lives.person(one), first)


def emptied(name: str, value: Any = None) -> Callable[[Lives, list[str]], None]:
    def empty(lives: Lives, ids: list[str]) -> None:
        for one in ids:
            lives.contacts.edit(one, **{name: value})

    return empty


def emptied_in_marketo(lives: Lives, ids: list[str]) -> None:
    for one in ids:
        lives.people.edit(lives.person(one), phone=None)


def overwritten(lives: Lives, ids: list[str]) -> None:
    for number, one in enumerate(ids):
        lives.contacts.edit(one, Phone=f"9{number}")


def doubled(lives: Lives, ids: list[str]) -> None:
    for number, _ in enumerate(ids):
        lives.people.edit(None, email=f"New{number}@x.example", lastName="Known")
        lives.lead(LastName="New", Email=f"new{number}@x.example ")


DISASTERS = {
    "deleted in the CRM": (deleted, "30 of 40 links would end (30 deleted in the CRM"),
    "no longer to be seen": (hidden, "30 of 40 links would end (30 no longer to be seen in the CRM"),
    "filtered out": (filtered, "30 of 40 links would end (30 takes no part any more"),
    "merged in the CRM": (merged, "29 of 40 links would end (29 merged in the CRM"),
    "deleted in Marketo": (lost_in_marketo, "30 of 40 links would end (30 deleted in Marketo"),
    "merged in Marketo": (merged_in_marketo, "29 of 40 links would end (29 merged in Marketo"),
    "emptied in the CRM": (emptied("Phone"), "30 of 40 values of phone would be emptied in Marketo"),
    "unticked in the CRM": (
        emptied("HasOptedOutOfEmail", False),
        "30 of 40 values of unsubscribed would be emptied in Marketo",
    ),
    "emptied in Marketo": (emptied_in_marketo, "30 of 40 values of Phone would be emptied in the CRM"),
    "overwritten": (overwritten, "30 of 40 links would be overwritten in marketo"),
    "doubled": (doubled, "30 of 30 people to be created in Marketo have the e-mail address of one that is there"),
}  # fmt: skip


@pytest.mark.parametrize("what", DISASTERS)
def test_a_disaster_stops_whole_is_told_and_is_let_through_once(lives: Lives, what: str) -> None:
    """Law 7, DEL-10: links, base and ledger are as before, however often it is tried; then a second one stops again."""
    happen, said = DISASTERS[what]
    ids = firm(lives)
    before, sent = {p.name: state(lives, p.name) for p in lives.pairings}, [*lives.marketo.order]
    happen(lives, ids[:HIT])
    for _ in range(2):
        done = lives.cycle()
        ((name, error),) = [(name, s.error) for name, s in done.items() if "nothing is done" in s.error]
        assert said in error
        assert f"sync-pipeline brakes --release {name}" in error
    assert {table: rows for table, rows in state(lives, name).items() if rows != before[name][table]} == {}
    assert lives.marketo.order == sent
    assert lives.crm.order == []
    shown = lives.sync(apply=False)
    assert any(said in synced.error for synced in shown.values())
    with lives.lake.transaction() as con:
        assert any(said in stopped["message"] for stopped in brakes.standing(con))
        brakes.release(con, [name], lives.now())
    assert [synced.error for synced in lives.cycle().values() if synced.error] == []
    lives.settled()
    assert state(lives, name) != before[name]
    with lives.lake.reading() as con:
        assert brakes.standing(con) == []


@pytest.mark.parametrize("what", DISASTERS)
def test_a_handful_is_everyday_life_and_never_stopped(lives: Lives, what: str) -> None:
    ids = firm(lives)
    DISASTERS[what][0](lives, ids[: LIMITS.few_gone])
    assert not any(synced.error for synced in lives.cycle().values())


def test_a_release_is_for_what_was_seen_and_a_larger_disaster_stops_again(lives: Lives) -> None:
    ids = firm(lives, 50)
    overwritten(lives, ids[:26])
    name = lives.of_contacts.name
    assert "26 of 50" in lives.cycle()[name].error
    with lives.lake.transaction() as con:
        brakes.release(con, [name], lives.now())
    overwritten(lives, ids)
    assert "50 of 50" in lives.cycle()[name].error


def test_a_mere_plan_shows_what_stands_behind_a_brake_and_uses_no_release_up(lives: Lives) -> None:
    ids = firm(lives)
    overwritten(lives, ids[:HIT])
    lives.read()
    name = lives.of_contacts.name
    shown = lives.sync(apply=False)[name]
    assert (shown.planned.to_marketo, "30 of 40" in shown.error) == (HIT, True)
    with lives.lake.transaction() as con:
        brakes.release(con, [name], lives.now())
    for _ in range(2):
        assert lives.sync(apply=False)[name].error == ""
    assert lives.sync()[name].error == ""


def test_an_outage_does_not_use_a_release_up(lives: Lives) -> None:
    ids = firm(lives)
    overwritten(lives, ids[:HIT])
    lives.cycle()
    name = lives.of_contacts.name
    with lives.lake.transaction() as con:
        brakes.release(con, [name], lives.now())
    lives.spoil("marketo", "before gone")
    assert "gone" in lives.cycle()[name].error
    lives.mend()
    assert lives.cycle()[name].error == ""


def test_contacts_wait_while_the_conversions_they_come_of_are_stopped(lives: Lives) -> None:
    """CONV-2: taken for strangers they would become second persons."""
    leads = [lives.lead(LastName=f"L{i}") for i in range(ORG)]
    lives.settled()
    lives.rules = RULES
    people = set(lives.people.living)
    for lead in leads[:HIT]:
        lives.convert(lead, lives.contact(LastName="Came"))
    done = lives.cycle()
    assert "30 converted" in done[lives.of_leads.name].error
    assert f"waits for {lives.of_leads.name}" in done[lives.of_contacts.name].error
    assert set(lives.people.living) == people
    with lives.lake.transaction() as con:
        brakes.release(con, [lives.of_leads.name], lives.now())
    lives.settled()
    assert set(lives.people.living) == people
