"""The people feed: who is in it, with which values, and when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from sync_pipeline.lake import Lake
from sync_pipeline.lake.connection import Connection
from sync_pipeline.lake.table import DELETED_AT
from sync_pipeline.sales_insight import feed
from sync_pipeline.sales_insight.feed import FeedError
from sync_pipeline.sales_insight.fields import FIELDS, NAMES
from sync_pipeline.sales_insight.people_changes import NO_OWNER, NO_RECORD, PEOPLE
from sync_pipeline_tests.sales_insight.org import QUEUE, USER, Mirrored

VALUES = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "company": "Engines Żółć",
    "title": "Countess",
    "email": "ada@example.com",
    "phone": "+44 1",
    "linkedInProfileURL": "https://linkedin.example/ada",
    "leadSource": "Web",
}


def test_a_record_has_thirteen_values_in_the_order_of_the_page(mirrored: Mirrored) -> None:
    """SIA-FEED-5, SIA-FEED-13, table 23.1."""
    contact = mirrored.linked(7, **VALUES)
    mirrored.contact(contact, AccountId="001000000000001AAA")
    mirrored.opportunity("006000000000001AAA")
    mirrored.role(contact, "006000000000001AAA")
    mirrored.start()
    assert [field.label for field in FIELDS] == [
        "First name", "Last name", "Salesforce contact id", "Salesforce lead id", "Salesforce account id",
        "Salesforce opportunity id", "Marketo id", "Company", "Title", "Email", "Phone number", "LinkedIn URL",
        "Source",
    ]  # fmt: skip
    shown = mirrored.lake.rows(f"select * exclude (_updated_at, _left_at, _left_because) from {PEOPLE}")
    assert shown == [
        ("Ada", "Lovelace", contact, None, "001000000000001AAA", "006000000000001AAA", 7, "Engines Żółć", "Countess",
         "ada@example.com", "+44 1", "https://linkedin.example/ada", "Web")
    ]  # fmt: skip


def test_a_lead_has_its_own_id_and_neither_contact_nor_account_nor_opportunity(mirrored: Mirrored) -> None:
    lead = mirrored.linked(7, "lead", **VALUES)
    mirrored.start()
    ids = "salesforce_contact_id, salesforce_lead_id, salesforce_account_id, salesforce_opportunity_id"
    assert mirrored.fed(ids) == [(None, lead, None, None)]


def test_only_people_whose_lead_or_contact_a_user_owns_qualify(mirrored: Mirrored) -> None:
    """SIA-FEED-2 to -4."""
    mirrored.linked(1)
    mirrored.linked(2, "lead", owner="005000000000099AAA")
    mirrored.linked(3, "lead", owner=QUEUE)
    mirrored.person(4, email="marketo@only.example")
    mirrored.contact("003000000000005AAA", OwnerId=USER)
    mirrored.contact(mirrored.linked(6), **{DELETED_AT: mirrored.now})
    mirrored.lead(mirrored.linked(7, "lead"), IsConverted=True)
    mirrored.linked(8)
    mirrored.person(8, **{DELETED_AT: mirrored.now})
    mirrored.start()
    assert mirrored.fed() == [(1,), (2,)]


def test_two_people_with_one_address_are_both_in_the_feed(mirrored: Mirrored) -> None:
    """SIA-FEED-10."""
    for person in (1, 2):
        mirrored.linked(person, email="same@example.com")
    mirrored.start()
    assert mirrored.fed("marketo_id, email") == [(1, "same@example.com"), (2, "same@example.com")]


def test_a_converted_lead_s_person_goes_on_as_the_contact_and_its_lead_id_is_empty(mirrored: Mirrored) -> None:
    """SPEC 31, decision 35."""
    lead = mirrored.linked(7, "lead")
    mirrored.start()
    mirrored.contact("003000000000009AAA", OwnerId=USER)
    mirrored.link("contact", "003000000000009AAA", 7)
    mirrored.lead(lead, IsConverted=True)
    assert mirrored.increment().changes == {"update": 1}
    assert mirrored.fed("salesforce_contact_id, salesforce_lead_id") == [("003000000000009AAA", None)]


@pytest.mark.parametrize(
    ("closed", "primary", "wins"),
    [((True, False), (True, False), 1), ((False, False), (True, False), 0), ((False, False), (False, False), 1)],
    ids=["open before closed", "primary before other", "touched last"],
)
def test_of_several_opportunities_one_is_chosen(
    mirrored: Mirrored, closed: tuple[bool, bool], primary: tuple[bool, bool], wins: int
) -> None:
    """SPEC 31, decision 6."""
    contact, keys = mirrored.linked(7), ("006000000000001AAA", "006000000000002AAA")
    for key, is_closed, is_primary in zip(keys, closed, primary, strict=True):
        mirrored.opportunity(key, is_closed)
        mirrored.role(contact, key, is_primary)
    mirrored.start()
    assert mirrored.fed("salesforce_opportunity_id") == [(keys[wins],)]


Edit = Callable[[Mirrored, str], None]
EDITS: dict[str, Edit] = {
    "first_name": lambda m, _: m.person(7, firstName="Augusta"),
    "last_name": lambda m, _: m.person(7, lastName="King"),
    "salesforce_account_id": lambda m, contact: m.contact(contact, AccountId="001000000000002AAA"),
    "salesforce_opportunity_id": lambda m, contact: m.role(contact, "006000000000001AAA"),
    "company": lambda m, _: m.person(7, company="Looms"),
    "title": lambda m, _: m.person(7, title=None),
    "email": lambda m, _: m.person(7, email="new@example.com"),
    "phone_number": lambda m, _: m.person(7, phone="2"),
    "linkedin_url": lambda m, _: m.person(7, linkedInProfileURL="https://linkedin.example/king"),
    "source": lambda m, _: m.person(7, leadSource="Fair"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_change_of_one_of_the_values_is_one_increment_that_names_it(mirrored: Mirrored, name: str) -> None:
    """SIA-FEED-8, SIA-FEED-12: wherever the change was made."""
    contact = mirrored.linked(7, **VALUES)
    mirrored.linked(8, **VALUES)
    mirrored.opportunity("006000000000001AAA")
    mirrored.start()
    EDITS[name](mirrored, contact)
    done = mirrored.increment()
    assert (done.changes, done.looked_at) == ({"update": 1}, 1)
    (*_, change) = mirrored.changes("marketo_id, _change, _fields, _before, _after")
    assert change[:3] == (7, "update", [name])
    [(value,)] = mirrored.lake.rows(f"select {name} from {PEOPLE} where marketo_id = 7")
    assert change[4] == {name: value} != change[3]


def test_a_change_of_any_other_field_is_no_increment(mirrored: Mirrored) -> None:
    """SIA-FEED-9."""
    contact = mirrored.linked(7, **VALUES)
    mirrored.start()
    mirrored.person(7, leadScore=100, updatedAt=mirrored.now)
    mirrored.contact(contact, OwnerId="005000000000002AAA")
    done = mirrored.increment()
    assert (done.looked_at, done.changes, done.counts.skipped) == (1, {}, 1)
    assert len(mirrored.changes()) == 1


def test_a_row_tells_when_its_values_last_changed_also_after_it_was_left_and_came_back(mirrored: Mirrored) -> None:
    """A row that leaves keeps the time of its values; each other change of the row is one of them."""
    lead = mirrored.linked(7, "lead", **VALUES)
    mirrored.linked(8, **VALUES)
    times = [mirrored.start() and mirrored.now]

    def told() -> tuple[object, object]:
        (found,) = mirrored.lake.rows(f"select _updated_at, _left_at from {PEOPLE} where marketo_id = 7")
        return found

    assert told() == (times[0], None)
    mirrored.person(8, title="Dr")  # somebody else's
    mirrored.increment()
    assert told() == (times[0], None)
    mirrored.person(7, title="Dr")
    times.append(mirrored.increment() and mirrored.now)
    assert told() == (times[1], None)
    mirrored.lead(lead, OwnerId=QUEUE)
    times.append(mirrored.increment() and mirrored.now)
    assert told() == (times[1], times[2])
    mirrored.lead(lead, OwnerId=USER)
    times.append(mirrored.increment() and mirrored.now)
    assert told() == (times[3], None)


def test_without_a_change_nobody_is_looked_at(mirrored: Mirrored) -> None:
    for person in range(1, 4):
        mirrored.linked(person)
    mirrored.start()
    assert mirrored.increment().looked_at == 0


def test_a_lead_enters_when_its_queue_gives_it_to_a_user(mirrored: Mirrored) -> None:
    """SIA-FEED-4."""
    lead = mirrored.linked(7, "lead", owner=QUEUE)
    assert mirrored.start().people == 0
    mirrored.lead(lead, OwnerId=USER)
    assert mirrored.increment().changes == {"insert": 1}
    assert mirrored.fed() == [(7,)]


def test_who_loses_the_owner_is_kept_as_it_was_and_marked_until_a_user_owns_it_again(mirrored: Mirrored) -> None:
    """SIA-FEED-18."""
    lead = mirrored.linked(7, "lead", **VALUES)
    mirrored.start()
    mirrored.lead(lead, OwnerId=QUEUE)
    done = mirrored.increment()
    assert (done.changes, done.people) == ({"leave": 1}, 0)
    mirrored.person(7, title="Retired")
    assert mirrored.increment().changes == {}
    assert mirrored.fed("title, _left_because, _left_at is null") == [("Countess", NO_OWNER, False)]
    mirrored.lead(lead, OwnerId=USER)
    assert mirrored.increment().changes == {"return": 1}
    assert mirrored.fed("title, _left_because, _left_at") == [("Retired", None, None)]
    assert mirrored.changes("_change, _fields")[-1] == ("return", ["title"])


@pytest.mark.parametrize("lost", ["link", "record"])
def test_who_loses_the_lead_or_contact_is_marked_too(mirrored: Mirrored, lost: str) -> None:
    contact = mirrored.linked(7)
    mirrored.start()
    if lost == "link":
        mirrored.unlink(contact)
    else:
        mirrored.contact(contact, **{DELETED_AT: mirrored.now})
    assert mirrored.increment().changes == {"leave": 1}
    assert mirrored.fed("_left_because") == [(NO_RECORD,)]


def test_who_is_deleted_in_marketo_is_removed_and_a_merge_names_the_winner(mirrored: Mirrored) -> None:
    """SIA-FEED-18."""
    for person in (7, 8, 9):
        mirrored.linked(person)
    mirrored.start()
    mirrored.person(7, **{DELETED_AT: mirrored.now})
    mirrored.person(8, mergedInto=9, **{DELETED_AT: mirrored.now})
    assert mirrored.increment().changes == {"delete": 1, "merge": 1}
    assert mirrored.fed() == [(9,)]
    assert mirrored.changes("marketo_id, _change, _merged_into")[-2:] == [(7, "delete", None), (8, "merge", 9)]


def test_who_had_left_is_removed_when_marketo_deletes_it(mirrored: Mirrored) -> None:
    contact = mirrored.linked(7)
    mirrored.start()
    mirrored.unlink(contact)
    mirrored.increment()
    mirrored.person(7, **{DELETED_AT: mirrored.now})
    assert mirrored.increment().changes == {"delete": 1}
    assert mirrored.fed() == []


def test_a_role_that_moves_to_another_contact_changes_both(mirrored: Mirrored) -> None:
    one, other = mirrored.linked(1), mirrored.linked(2)
    mirrored.opportunity("006000000000001AAA")
    mirrored.role(one, "006000000000001AAA")
    mirrored.start()
    mirrored.put(
        "salesforce.opportunity_contact_role", f"{one}/006000000000001AAA", ContactId=other,
        OpportunityId="006000000000001AAA",
    )  # fmt: skip
    assert mirrored.increment().changes == {"update": 2}
    assert mirrored.fed("salesforce_opportunity_id") == [(None,), ("006000000000001AAA",)]


def test_an_opportunity_that_closes_gives_way_to_an_open_one(mirrored: Mirrored) -> None:
    contact = mirrored.linked(7)
    for key in ("006000000000001AAA", "006000000000002AAA"):
        mirrored.opportunity(key)
        mirrored.role(contact, key)
    mirrored.start()
    mirrored.opportunity("006000000000002AAA", closed=True)
    assert mirrored.increment().changes == {"update": 1}
    assert mirrored.fed("salesforce_opportunity_id") == [("006000000000001AAA",)]


def test_the_preview_counts_and_shows_and_writes_nothing(mirrored: Mirrored) -> None:
    """SIA-FEED-15."""
    for person in range(1, 4):
        mirrored.linked(person, **VALUES)
    mirrored.linked(4, "lead", owner=QUEUE)
    before = mirrored.lake.rows("select max(snapshot_id) from lake.snapshots()")
    found = feed.preview(mirrored.lake, mirrored.options, sample=2)
    assert (found.people, found.without_user, [row["marketo_id"] for row in found.sample]) == (3, 1, [1, 2])
    assert tuple(found.sample[0]) == NAMES
    assert mirrored.lake.rows("select max(snapshot_id) from lake.snapshots()") == before


def test_nothing_is_fed_before_somebody_started_it(mirrored: Mirrored) -> None:
    """SIA-FEED-14."""
    mirrored.linked(7)
    with pytest.raises(FeedError, match="has not been started"):
        mirrored.increment()


def test_without_marketo_s_people_the_message_says_what_is_missing(lake: Lake) -> None:
    with pytest.raises(FeedError, match=r"no marketo\.person and no salesforce\.contact"):
        feed.preview(lake, feed.Options())


def test_a_second_start_finds_what_stamps_did_not_tell_and_nothing_else(mirrored: Mirrored) -> None:
    mirrored.linked(7, **VALUES)
    mirrored.linked(8)
    mirrored.start()
    with mirrored.lake.transaction() as con:
        con.execute("update lake.marketo.person set title = 'Unseen' where id = 7")
    assert mirrored.increment().changes == {}
    assert mirrored.start().changes == {"update": 1}
    assert mirrored.start().changes == {}


def test_a_hidden_field_is_empty_and_told_once(lake: Lake) -> None:
    hidden = {"marketo.person": {"linkedInProfileURL"}, "salesforce.opportunity_contact_role": {"OpportunityId"}}
    mirrored = Mirrored(lake, hidden)
    mirrored.linked(7, title="Countess")
    assert [notice.field for notice in mirrored.start().notices] == ["linkedin_url", "salesforce_opportunity_id"]
    mirrored.increment()
    assert mirrored.fed("title, linkedin_url, salesforce_opportunity_id") == [("Countess", None, None)]
    told = lake.rows("select field from lake.sync.notice where system = 'actions' order by field")
    assert told == [("linkedin_url",), ("salesforce_opportunity_id",)]


def test_the_linkedin_address_comes_from_the_chosen_field(mirrored: Mirrored) -> None:
    """SPEC 31, decision 8."""
    mirrored.linked(7, title="https://linkedin.example/title")
    mirrored.options = replace(mirrored.options, linkedin="title")
    mirrored.start()
    assert mirrored.fed("linkedin_url") == [("https://linkedin.example/title",)]


def test_more_people_than_an_instance_holds_are_fed_with_a_warning(mirrored: Mirrored) -> None:
    """SIA-FEED-16."""
    for person in (1, 2):
        mirrored.linked(person)
    mirrored.options = replace(mirrored.options, capacity=1)
    assert "2 people qualify" in feed.preview(mirrored.lake, mirrored.options).warning
    done = mirrored.start()
    assert (done.people, "holds 1" in done.warning) == (2, True)


class Dying(Lake):
    """A lake whose process is killed at the end of its next transaction, before the commit."""

    dies = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as con:
            yield con
            if self.dies:
                raise KeyboardInterrupt


def test_a_run_that_dies_at_its_end_is_done_whole_by_the_next(lake: Lake) -> None:
    """Law 4."""
    with Dying.open(lake.catalog, lake.data) as dying:
        assert isinstance(dying, Dying)
        mirrored = Mirrored(dying)
        mirrored.linked(7, title="Countess")
        mirrored.start()
        mirrored.person(7, title="Retired")
        dying.dies = True
        with pytest.raises(KeyboardInterrupt):
            mirrored.increment()
        dying.dies = False
        assert mirrored.fed("title") == [("Countess",)]
        assert mirrored.increment().changes == {"update": 1}
        assert mirrored.increment().changes == {}
        assert len(mirrored.changes()) == 2
