"""Why something is not in the CRM, or not in the feed, told in words."""

from __future__ import annotations

import pytest

from sync_pipeline.activity_log import diagnosis
from sync_pipeline.catalog.write_errors import ACCESS, AUTHENTICATION, CATEGORIES, INTERMITTENT, OTHER, category
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.sales_insight.feed import Options
from sync_pipeline_tests.activity_log.test_sources import World, to_marketo, to_tasks
from sync_pipeline_tests.sales_insight.org import BEGIN, QUEUE


@pytest.fixture
def world(quick_lake: Lake) -> World:
    return World(quick_lake)


def test_codes_have_the_categories_that_administrators_know() -> None:
    """SIA-DIAG-1 and 3."""
    assert len(CATEGORIES) == 26
    assert set(CATEGORIES.values()) == {ACCESS, AUTHENTICATION, INTERMITTENT, OTHER}
    assert category("UNABLE_TO_LOCK_ROW") == INTERMITTENT
    assert category("SOMETHING_NEW") == OTHER


def test_what_is_open_tells_what_is_tried_again_and_what_needs_somebody(world: World) -> None:
    """SIA-DIAG-1 and 2: refused writes, those put off, and activities that found nobody; a reading error is neither."""
    with world.lake.transaction() as con:
        for operation, code in (("Push updates", "INVALID_FIELD"), ("Pull updates", "NOT_CAST")):
            con.execute(
                f"insert into {ledger.table('error')} by name select ?::timestamptz as noted_at, "
                "'salesforce' as system, 'contact' as object, ? as operation, '003A' as record_id, ? as code",
                [BEGIN, operation, code],
            )
        con.execute(
            f"insert into {ledger.table('pending')} by name select 'lead' as pairing, '00QA' as crm_id, "
            "'try again: UNABLE_TO_LOCK_ROW' as because, ?::timestamptz as since", [BEGIN],
        )  # fmt: skip
    world.told("call", "c1", email="nobody@x.example")
    world.take_in(to_tasks(days=2))
    with world.lake.reading() as con:
        found = diagnosis.still_open(con, "salesforce", 10)
    assert sorted((one["object"], one["code"], one["category"], one["next"]) for one in found) == [
        ("lead", "UNABLE_TO_LOCK_ROW", INTERMITTENT, "is tried again"),
        ("sales_task", "NOT_FOUND", OTHER, "needs somebody"),
        ("salesforce/contact", "INVALID_FIELD", ACCESS, "needs somebody"),
        ("salesforce/contact", "NOT_CAST", None, None),
    ]


def test_an_activity_that_found_no_place_in_the_crm_can_be_let_be_for_good(world: World) -> None:
    """OPS-17: it is open until somebody says that it is not, whatever is taken in afterwards."""
    world.told("call", "c1", email="nobody@x.example")
    world.told("call", "c2", email="nobody@x.example")
    world.take_in(to_tasks(days=2))
    with world.lake.transaction() as con:
        keys = diagnosis.unplaced(con)
        one, other = sorted(keys)
        assert [diagnosis.dismiss(con, [one], world.now) for _ in range(2)] == [1, 0]
    world.take_in(to_tasks(days=2))
    with world.lake.reading() as con:
        assert [found["record_id"] for found in diagnosis.still_open(con, "salesforce", 10)] == [other]


def test_the_story_of_a_sales_activity_tells_why_it_is_not_there(world: World) -> None:
    """SIA-DIAG-1: logged here, not there, and why."""
    world.linked(1, email="a@x.example")
    world.told("reply", "r1", marketo_id=1)
    with world.lake.reading() as con:
        assert diagnosis.of_sales_activity(con, "r2") == []
        told, logged, missing = diagnosis.of_sales_activity(con, "r1")
    assert (told.rows[0][0], logged.rows, len(missing.rows)) == ("r1", (), 2)
    world.take_in(to_marketo)
    with world.lake.reading() as con:
        _, logged, missing = diagnosis.of_sales_activity(con, "r1")
    assert [row[1:6] for row in logged.rows] == [
        ("marketo", "sales_email", "Replied to Sales Email", "1", "waits to be sent")
    ]
    assert [side for side, _ in missing.rows] == ["crm"]


def test_why_a_person_is_in_the_feed_or_not(world: World) -> None:
    """SIA-FEED-2 to 4, SIA-FEED-14 and 18."""
    world.linked(1)
    world.linked(2, owner=QUEUE)
    world.person(3)
    gone = world.linked(4)
    world.contact(gone, _deleted_at=world.now)
    world.person(5, _deleted_at=world.now)

    def because() -> dict[int, str]:
        with world.lake.reading() as con:
            *_, fed = diagnosis.of_persons(con, ["1", "2", "3", "4", "5", gone], Options())
        return dict(fed.rows)

    expected = {
        1: "is not: the feed has not been started",
        2: "is not: the owner is no user",
        3: "is not: no lead or contact is linked",
        4: "is not: no living lead or contact is linked",
        5: "is not: deleted or merged in Marketo",
    }
    assert because() == expected
    world.start()
    assert because() == {**expected, 1: "is in it"}
    world.linked(6)
    with world.lake.reading() as con:
        *_, fed = diagnosis.of_persons(con, ["6"], Options())
    assert fed.rows == ((6, "comes with its next run"),)
