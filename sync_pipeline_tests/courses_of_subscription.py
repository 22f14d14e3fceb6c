"""What may happen in a Marketo subscription that is mirrored."""

from __future__ import annotations

from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.sandbox.marketo.faults import KINDS
from sync_pipeline.sandbox.marketo.records import life, members, people
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline_tests import courses
from sync_pipeline_tests.courses import Course, faults, happening
from sync_pipeline_tests.mirrored_subscription import STAFF, STATUSES, WEBINAR, MirroredSubscription

SETTINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = courses.SETTINGS | {
    "error": {"code": st.sampled_from(["502", "604", "606", "608", "611", "615", "713", "1003", "602"])},
    "quota": {"calls": st.integers(0, 12)},
}
EDITS = st.tuples(
    st.sampled_from(["create", "make again", "update", "score", "delete", "merge", "join", "leave"]),
    st.integers(0, 320),  # which person
    st.sampled_from([1, 1, 3, 305]),  # how many
    st.sampled_from(["x", None, "NA", "null", 'a "b"\nc', "Ü" * 40, "0", "true", "é\t"]),
)
HAPPENINGS = st.one_of(
    happening("edit", edits=st.lists(EDITS, min_size=1, max_size=3)),
    happening("edit", edits=st.lists(EDITS, min_size=1, max_size=3)),
    happening("update_by_rest", which=st.integers(0, 30)),
    # Days, too: a window that begins longer ago than the feed is worth reading comes by bulk extract.
    happening("pass_seconds", seconds=st.sampled_from([1, 1, 2, 5, 40, 700, 8_000, 400_000])),
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: faults(kind, SETTINGS.get(kind, {}))),
    happening("clear"),
)


class SubscriptionCourse(Course):
    """A course of persons who come, change, join programs, are merged and deleted, and come again."""

    mirrored = MirroredSubscription
    happenings = HAPPENINGS
    pair: MirroredSubscription

    def ready(self) -> None:
        self.subscription = self.pair.subscription
        self.names = iter(range(100_000))
        self.gone: list[str] = []  # addresses of deleted persons
        # The past of a person that is merged becomes the winner's, and nothing tells of it: a mirror keeps what it saw.
        self.drifted = {("activity", "leadId")}

    def some(self, which: int, count: int = 1) -> list[int]:
        """Return up to `count` neighbours."""
        found = [row["id"] for row in self.subscription.rows("select id from lead order by id")]
        start = which % len(found) if found else 0
        return found[start : start + count]

    def sync(self, records: list[dict[str, Any]], how: How | None = None) -> None:
        people.sync(self.subscription, records, how or How("updateOnly", "id"), STAFF)

    def edit(self, edits: list[tuple[str, int, int, str | None]]) -> None:
        """Some edits of one moment, of some neighbouring persons each."""
        for kind, which, count, value in edits:
            found = self.some(which, count)
            if kind == "create":
                self.sync([{"email": f"new{next(self.names)}@x.example", "lastName": value}], How())
            elif kind == "make again":
                self.sync([{"email": email, "lastName": value} for email in self.gone[-count:]], How())
            elif kind == "update":
                self.sync([{"id": person, "lastName": value} for person in found])
            elif kind == "score":
                self.sync([{"id": person, "leadScore": next(self.names)} for person in found])
            elif kind == "delete":
                self.delete(found[:2])
            elif kind == "merge":
                self.merge(found[:3])
            else:
                self.move(found[:50], join=kind == "join", status=STATUSES[which % len(STATUSES)])

    def delete(self, persons: list[int]) -> None:
        """With a person its memberships go, of which nothing is told."""
        addresses = "select email from lead where id in (select unnest(?::bigint[])) and email is not null"
        self.gone += [row["email"] for row in self.subscription.rows(addresses, [persons])]
        life.delete(self.subscription, persons, STAFF)
        self.unshown.add("programMember")

    def merge(self, persons: list[int]) -> None:
        if len(persons) > 1:
            life.merge(self.subscription, persons[0], persons[1:], STAFF, in_crm=False)
            self.unshown.add("programMember")

    def move(self, persons: list[int], join: bool, status: str) -> None:
        program = members.program(self.subscription, WEBINAR)
        if join:
            members.set_status(self.subscription, program, status, persons, STAFF)
        else:
            members.remove(self.subscription, program, persons)
            self.unshown.add("programMember")

    def update_by_rest(self, which: int) -> None:
        """A client's edit, which the subscription may refuse: then nothing has happened."""
        for person in self.some(which):
            try:
                self.pair.system.update(person, lastName=f"rest {which}")
            except ConnectorError as error:
                note(f"refused: {error.code}")

    def clear(self) -> None:
        super().clear()
        self.pair.system.marketo = self.pair.system.connect()
