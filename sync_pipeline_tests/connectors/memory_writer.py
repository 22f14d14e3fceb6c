"""A `Writer` whose system is dictionaries: it passes the same contract as the real ones, in no time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from sync_pipeline.connectors.errors import AmbiguousError, UnknownOutcomeError
from sync_pipeline.connectors.extract import CLOCK_JITTER
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.connectors.writes import blamed
from sync_pipeline.model import Object

Values = dict[str, Value]
Rule = Callable[[Mapping[str, Value]], Answer | None]
GONE = Answer(Verdict.REJECTED, code="ENTITY_IS_DELETED", message="entity is deleted")
UNKNOWN = Answer(Verdict.REJECTED, code="INVALID_CROSS_REFERENCE_KEY", message="invalid cross reference id")
LOCKED = Answer(Verdict.RETRY, code="UNABLE_TO_LOCK_ROW", message="unable to obtain exclusive access to this record")


@dataclass
class MemoryWriter:
    """The records of any objects, by `Object.source` and id, and how the system misbehaves.

    Attributes:
        rules: what an administrator forbids of an object's records: each returns a refusal or None.
        locks: so many tries meet a lock; each record is tried `tries` times.
        loses_answers: what is to be created is created, and nobody is told.
        calls: what was written, in turn.
    """

    records: dict[str, dict[str, Values]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    tries: int = 4
    locks: int = 0
    loses_answers: bool = False
    at: datetime = datetime(2026, 5, 17, 10, tzinfo=UTC)
    made_at: dict[str, datetime] = field(default_factory=dict)
    calls: list[tuple[str, Operation, int]] = field(default_factory=list)
    _numbers: Iterable[int] = field(default_factory=count)

    def require(self, obj: Object, *names: str) -> None:
        """Refuse records of the object that lack one of these fields."""

        def rule(values: Mapping[str, Value]) -> Answer | None:
            missing = tuple(name for name in names if values.get(name) in (None, ""))
            message = f"Required fields are missing: [{', '.join(missing)}]"
            blames = blamed(missing, "REQUIRED_FIELD_MISSING", message)
            refusal = Answer(Verdict.REJECTED, code="REQUIRED_FIELD_MISSING", message=message, blames=blames)
            return refusal if missing else None

        self.rules.setdefault(obj.source, []).append(rule)

    def forbid(self, obj: Object, name: str, value: Value) -> None:
        """Refuse records of the object that have this value, and blame it on the field."""
        code, said = "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not this"
        no = Answer(Verdict.REJECTED, code=code, message=said, blames=blamed([name], code, said))
        self.rules.setdefault(obj.source, []).append(lambda values: no if values.get(name) == value else None)

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        self.calls.append((obj.source, operation, len(records)))
        answers = [self._one(obj.source, operation, record, key) for record in records]
        if self.loses_answers and operation is Operation.CREATE:
            raise UnknownOutcomeError("CONNECTION_FAILED", "the answer was lost", [None] * len(records))
        return answers

    def find(self, obj: Object, record: Record, by: Iterable[str], since: datetime) -> str | None:
        names = list(by)
        found = [
            one
            for one, values in self.records.get(obj.source, {}).items()
            if self.made_at[one] >= since - CLOCK_JITTER
            and all(_folded(values, n) == _folded(record.values, n) for n in names)
        ]
        if len(found) > 1:
            raise AmbiguousError("SEVERAL_FOUND", f"{len(found)} records of {obj.source} fit what was sent", found)
        return found[0] if found else None

    def made(self, obj: Object, fields: Sequence[str], since: datetime) -> Iterator[dict[str, Value]]:
        for one, values in self.records.get(obj.source, {}).items():
            if self.made_at[one] >= since - CLOCK_JITTER:
                yield {"Id": one, **{name: values.get(name) for name in fields}}

    def insert(self, source: str, values: Mapping[str, Value]) -> str:
        record_id = f"M{next(iter(self._numbers)):017d}"
        self.records.setdefault(source, {})[record_id] = dict(values)
        self.made_at[record_id] = self.at
        return record_id

    def _one(self, source: str, operation: Operation, record: Record, key: str) -> Answer:
        for _ in range(self.tries):
            if not self.locks:
                return self._written(source, operation, record, key)
            self.locks -= 1
        return LOCKED

    def _written(self, source: str, operation: Operation, record: Record, key: str) -> Answer:
        held = self.records.setdefault(source, {})
        record_id = record.id
        if operation is Operation.UPSERT:
            living = (one for one in held if one not in self.deleted)
            record_id = next((one for one in living if held[one].get(key) == record.values[key]), None)
        elif operation is not Operation.CREATE and (record_id not in held or record_id in self.deleted):
            return GONE if record_id in held else UNKNOWN
        if operation is Operation.DELETE:
            self.deleted.add(str(record_id))
            return Answer(Verdict.ACCEPTED, record_id)
        values = {**held.get(record_id or "", {}), **record.values}
        if refusal := next(filter(None, (rule(values) for rule in self.rules.get(source, ()))), None):
            return refusal
        if record_id is None:
            return Answer(Verdict.ACCEPTED, self.insert(source, values), created=True)
        held[record_id] = values
        return Answer(Verdict.ACCEPTED, record_id)


def _folded(values: Mapping[str, Value], name: str) -> object:
    value = values.get(name)
    return value.lower() if isinstance(value, str) else value
