"""A seeded staff at work in an org: people who edit, create, delete, restore and merge records while one watches."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pyarrow as pa
from faker import Faker

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.persons import account_name
from sync_pipeline.sandbox.salesforce.population.habits import CHANGES, KINDS, Make, phone

NO_PERSONS = " and not IsPersonAccount"
BATCH_SECONDS = 0.2  # edits due within this time are made together


@dataclass(frozen=True)
class Edit:
    """One edit as it is reported: no values, hence no personal data."""

    object: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.object} {self.kind} {self.id}"


def edit(org: Org, count: int, seed: int) -> list[Edit]:
    """Make `count` random edits, spread over objects and kinds, and return them.

    A merge counts as one edit, whatever it moves. Where a kind finds no record to work on (nothing to undelete, say) a
    record is created instead, so that the number holds.
    """
    return Staff(org, seed).edit(count)


def live(
    org: Org,
    seed: int,
    rate: float,
    until: threading.Event,
    tell: Callable[[str], None] = print,
) -> int:
    """Edit at `rate` edits a second until the event is set, telling each; return how many were made."""
    staff, made, began = Staff(org, seed), 0, time.monotonic()
    while not until.wait(max(1 / rate, BATCH_SECONDS)):
        due = int((time.monotonic() - began) * rate) - made
        for done in staff.edit(due):
            tell(str(done))
        made += due
    return made


class Staff:
    """The people of an org; the same seed makes the same decisions."""

    def __init__(self, org: Org, seed: int) -> None:
        self._org = org
        self._random = Random(seed)
        self._faker = Faker(["en_US", "de_DE", "fr_FR", "pl_PL", "ja_JP"])
        self._faker.seed_instance(seed)
        self._make: Mapping[str, Callable[[str, int, set[str]], list[Edit]]] = {
            "updated": self._updated,
            "created": self._created,
            "touched": self._touched,
            "deleted": self._deleted,
            "undeleted": self._undeleted,
            "merged": self._merged,
        }
        self._kinds = KINDS[org.schema.crm]
        known = {kind: [name for name in names if name in org.schema] for kind, (_, names) in self._kinds.items()}
        if org.has_persons and "Account" not in known["created"]:
            known["created"].append("Account")
        self._objects = {kind: names for kind, names in known.items() if names}  # an org of one's own may have fewer

    def edit(self, count: int) -> list[Edit]:
        """Make `count` edits, those of one object and kind together, and return them."""
        weights = [self._kinds[kind][0] for kind in self._objects]
        plan: dict[tuple[str, str], int] = defaultdict(int)
        for kind in self._random.choices(list(self._objects), weights, k=count):
            plan[kind, self._random.choice(self._objects[kind])] += 1
        done: list[Edit] = []
        with self._org.writing:
            taken: set[str] = set()
            for (kind, name), times in plan.items():
                made = self._make[kind](name, times, taken)
                if len(made) < times:
                    made += self._created(self._objects["created"][0], times - len(made), taken)
                taken.update(one.id for one in made)
                done += made
        return done

    def _pick(self, name: str, count: int, taken: set[str], condition: str = "not IsDeleted") -> list[str]:
        """Return ids of records that no edit of this round touches, by chance and yet repeatably."""
        with self._org.cursor() as cursor:
            rows = cursor.execute(
                f"select Id from {quote(name)} where {condition} order by hash(Id, ?) limit ?",
                [self._random.getrandbits(60), count + len(taken)],
            ).fetchall()
        return [record for (record,) in rows if record not in taken][:count]

    def _updated(self, name: str, times: int, taken: set[str]) -> list[Edit]:
        converted = " and not IsConverted" if name == "Lead" else ""  # Salesforce refuses edits of converted leads
        records = self._pick(name, times, taken, f"not IsDeleted{converted}")
        groups: dict[str, list[str]] = defaultdict(list)
        for record in records:
            groups[self._random.choice(list(CHANGES[name]))].append(record)
        for field, ids in groups.items():
            self._change(name, field, ids, CHANGES[name][field])
        return [Edit(name, "updated", record) for record in records]

    def _change(self, name: str, field: str, records: list[str], make: Make | None) -> None:
        """Give each record a value of its own in one statement, with the stamps of an edit by a user."""
        values = {"Id": pa.array(records)}
        if make:
            values["value"] = pa.array([make(self._random, self._faker) for _ in records])
        changed = "new.value" if make else f"not o.{quote(field)}"
        with self._org.cursor() as cursor:
            cursor.register("new", pa.table(values))
            cursor.execute(
                f"update {quote(name)} as o set {quote(field)} = {changed}, LastModifiedDate = $now,"
                " LastModifiedById = $user, SystemModstamp = $now from new where o.Id = new.Id",
                {"now": self._org.stamp(name).replace(tzinfo=None), "user": self._org.user_id},
            )
            self._org.follow(name, records, [field])

    def _created(self, name: str, times: int, taken: set[str]) -> list[Edit]:
        make = {"Task": self._task, "Call2_vod__c": self._call}.get(name, self._person)
        records = [make() for _ in range(times)]
        if name == "Lead":
            records = [{**record, "Company": self._faker.company()} for record in records]
        if name == "Account":  # nobody founds companies here; people who come as accounts are persons
            records = [{account_name(field) or field: value for field, value in record.items()} for record in records]
        return [Edit(name, "created", record) for record in self._org.insert(name, records)]

    def _person(self) -> dict[str, Any]:
        number = self._random.getrandbits(40)
        return {
            "FirstName": self._faker.first_name(),
            "LastName": self._faker.last_name(),
            "Email": f"new.{number:x}@sandbox.example",
            "Phone": phone(self._random, self._faker),
        }

    def _task(self) -> dict[str, Any]:
        return {"Subject": "Call", "Status": "Not Started", "Priority": "Normal", "Description": self._faker.sentence()}

    def _call(self) -> dict[str, Any]:
        account = next(iter(self._pick("Account", 1, set(), "not IsDeleted and IsPersonAccount")), None)
        day = self._org.now().date()
        return {"Account_vod__c": account, "Call_Date_vod__c": day, "Status_vod__c": "Saved_vod",
                "Call_Type_vod__c": "Detail Only", "Attendee_Type_vod__c": "Person_Account_vod",
                "Mobile_ID_vod__c": f"new-{self._random.getrandbits(40):x}"}  # fmt: skip

    def _touched(self, name: str, times: int, taken: set[str]) -> list[Edit]:
        records = self._pick(name, times, taken)
        self._org.touch(name, records)
        return [Edit(name, "touched", record) for record in records]

    def _deleted(self, name: str, times: int, taken: set[str]) -> list[Edit]:
        records = self._pick(name, times, taken)
        self._org.delete(name, records)
        return [Edit(name, "deleted", record) for record in records]

    def _undeleted(self, name: str, times: int, taken: set[str]) -> list[Edit]:
        merged = " and MasterRecordId is null" if "MasterRecordId" in self._org.schema[name].columns else ""
        records = self._pick(name, times, taken, f"IsDeleted{merged}")
        self._org.undelete(name, records)
        return [Edit(name, "undeleted", record) for record in records]

    def _merged(self, name: str, times: int, taken: set[str]) -> list[Edit]:
        """Merge pairs; the report names the loser, whose place the winner takes."""
        condition = " and not IsConverted" if name == "Lead" else ""
        if name in ("Account", "Contact") and self._org.has_persons:  # persons merge as accounts and among themselves
            condition = " and IsPersonAccount" if name == "Account" and self._random.random() < 0.5 else NO_PERSONS
        records = self._pick(name, 2 * times, taken, f"not IsDeleted{condition}")
        pairs = list(zip(records[::2], records[1::2], strict=False))
        for winner, loser in pairs:
            self._org.merge(name, winner, [loser])
        taken.update(winner for winner, _ in pairs)
        return [Edit(name, "merged", loser) for _, loser in pairs]
