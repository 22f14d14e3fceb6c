"""Laws 1 and 5 for any history: whatever order, batches and doubles records come in, the mirror ends the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipeline.lake import Lake
from sync_pipeline_tests.mirror.copies import Copy, gone, record

FIELDS = ("IsDeleted", "MasterRecordId", "Name", "Age")
Version = dict[str, str | None]
History = dict[str, list[Version]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw the versions of a few records, each later than the one before."""
    history: History = {}
    for key in draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True)):
        minutes = sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=4)))
        history[key] = [draw(version(key, minute)) for minute in minutes]
    return history


@st.composite
def version(draw: st.DrawFn, key: str, minute: int) -> Version:
    values = {"Name": draw(st.sampled_from(["Ann", "Bob", "NA", None])), "Age": draw(st.sampled_from(["1", None]))}
    kind = draw(st.sampled_from(["alive", "alive", "deleted", "merged"]))
    if kind == "alive":
        return record(key, minute, **values)
    return gone(key, minute, **values, MasterRecordId="z" if kind == "merged" else None)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[History, list[list[list[Version]]]]:
    """Draw a history, and landings of pages in which all its versions come in any order, some of them twice."""
    history = draw(histories())
    versions = [v for found in history.values() for v in found]
    versions = draw(st.permutations(versions + draw(st.lists(st.sampled_from(versions), max_size=4))))
    landings: list[list[list[Version]]] = [[[]]]
    for one in versions:
        where = draw(st.sampled_from(["same page", "same page", "next page", "next landing"]))
        if where == "next page":
            landings[-1].append([])
        elif where == "next landing":
            landings.append([[]])
        landings[-1][-1].append(one)
    return history, landings


def meant(one: Version) -> tuple[Any, ...]:
    age = one.get("Age")
    return one["IsDeleted"] == "true", one.get("MasterRecordId"), one["Name"], int(age) if age else None


@settings(max_examples=6, deadline=None)
@given(arrivals())
def test_whatever_order_and_batches_records_come_in_the_mirror_and_the_sum_of_its_changes_are_the_same(
    shared_lake: Lake, arrived: tuple[History, list[list[list[Version]]]]
) -> None:
    history, landings = arrived
    newest = {key: versions[-1] for key, versions in history.items()}
    replayed = Replayed()
    with TemporaryDirectory() as folder:
        copy = Copy(shared_lake, Path(folder) / "landing")
        for minute, pages in enumerate(landings, start=60):
            replayed.check(copy, copy.take(*pages, minute=minute)[0].changed)
        assert copy.kept(*FIELDS) == {key: meant(one) for key, one in newest.items()}
        assert replayed.alive == {key for key, one in newest.items() if one["IsDeleted"] == "false"}
        before = copy.kept("*"), len(copy.changes())
        counts, _ = copy.take(list(newest.values()), minute=99)
        assert (counts.changed, counts.skipped) == (0, len(newest))
        assert (copy.kept("*"), len(copy.changes())) == before


class Replayed:
    """What a reader of the changes alone, and of the mirror for new records, knows."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self._records: dict[str, dict[str, str | None]] = {}
        self._seen = 0

    def check(self, copy: Copy, expected: int) -> None:
        """Replay the changes of the last merge and compare the result with the mirror."""
        mirrored = {
            key: dict(zip(FIELDS, map(text, values), strict=True)) for key, values in copy.kept(*FIELDS).items()
        }
        told = copy.changes("Id", "_change", "_before", "_after")[self._seen :]
        assert len(told) == expected
        self._seen += len(told)
        for key, change, before, after in told:
            if change != "update":  # deleted records can be updated too
                (self.alive.add if change in ("insert", "undelete") else self.alive.discard)(key)
            if key not in self._records:
                self._records[key] = mirrored[key]
                continue
            assert {name: self._records[key][name] for name in before} == before
            self._records[key].update(after)
        assert self._records == mirrored
        assert self.alive == {key for key, deleted_at in copy.kept("_deleted_at").items() if deleted_at is None}


def text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
