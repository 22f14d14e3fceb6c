"""The nouns that modules hand to one another: frozen, free of I/O, free of any system's client library.

What a *declared object* is (`Object`, `Mapping`) lies here because the catalog, the mirror, the orchestration and
the sandbox all speak of it; what a system *says of itself* (`Describe`, `Field`) lies here because connectors bring
it and the lake keeps it. Nothing in this module reads a clock, a file, the network or the environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

ENCRYPTED = "encryptedstring"  # Salesforce's type of a text that is masked for most users: XXXX-4321

# The status of a run or a job (OPS-2).
SUCCEEDED, INCOMPLETE, FAILED = "Succeeded", "Incomplete", "Failed"


# The systems of which a lake holds one (VV-GEN-9); Marketo is the other side.
CRMS = frozenset({"salesforce", "veeva"})


def worst(statuses: Iterable[str]) -> str:
    """Return the status of a whole from those of its parts."""
    found = set(statuses)
    return next((status for status in (FAILED, INCOMPLETE) if status in found), SUCCEEDED)


class Direction(StrEnum):
    """Which way a mapped field flows."""

    BOTH = "both"
    CRM_TO_MARKETO = "crm_to_marketo"
    MARKETO_TO_CRM = "marketo_to_crm"


class Rule(StrEnum):
    """Who wins when both sides changed one field since they last agreed (SPEC 31, decision 3)."""

    CRM_WINS = "crm_wins"
    MARKETO_WINS = "marketo_wins"
    TRUE_WINS = "true_wins"
    NEWEST = "newest"
    CRM_ONLY = "crm_only"
    MARKETO_ONLY = "marketo_only"


@dataclass(frozen=True)
class Mapping:
    """One mapped field: `crm` is the API name in the CRM, `marketo` the REST name in Marketo.

    `marketo` is None for the values that Marketo keeps in system fields no API can write; they are carried by our
    own links. `on` names the Marketo object that holds the value: `person`, `company`, `opportunity`, ... A field that
    `refers_to` records of other pairings (an owner to `user`) is written only once those are linked themselves: as
    Marketo's own id where its field is a number, else as the CRM's. `absent` stands in Marketo for an empty value.
    A field whose values are `steps` only moves forward in Marketo: SQL over its record `m` gives them in order. One
    that `stays` can be given another value in Marketo, but not be emptied. One that is `optional` is not in every org,
    and its absence is no news.
    A `chosen` one is an operator's, and of fields of equal type; of records that are linked only what changed `since`
    it was chosen flows (SF-CAMP-15). By one of `consent` a person says no: without an agreed value, an opt-out wins.
    """

    crm: str
    marketo: str | None
    label: str
    direction: Direction = Direction.BOTH
    on: str = "person"
    rule: Rule | None = None  # None: the object's own default
    refers_to: tuple[str, ...] = ()
    absent: str = ""
    steps: str = ""
    stays: bool = False
    optional: bool = False
    chosen: bool = False
    since: datetime | None = None
    consent: bool = False

    @property
    def is_two_way(self) -> bool:
        return self.direction is Direction.BOTH


@dataclass(frozen=True)
class Chosen:
    """A mapping as an operator chose it: the CRM's field, Marketo's or "" for none, and its rule if that is named."""

    crm: str
    marketo: str
    rule: Rule | None = None


@dataclass(frozen=True)
class KnownBy:
    """Where the keys of an object stand that its system neither lists nor tells changes of.

    Attributes:
        by: the object's field that holds the key.
        table: a mirror of the lake, schema and name; it need not be there.
        column: the mirror's column that names keys.
        only: values of other columns that a row must have.
        at: the column that tells when a row was last written.
    """

    by: str
    table: tuple[str, str]
    column: str
    only: MappingOf[str, tuple[int | str, ...]] = field(default_factory=dict, hash=False)
    at: str = "_synced_at"


@dataclass(frozen=True)
class Object:
    """A kind of record that is synced, declared once.

    From it come the query, the mirror table, the changes table, the Dagster asset and the docs page.

    Attributes:
        system: the system that holds the records, also the schema of the mirror: `salesforce`, `veeva`, `marketo`.
        source: the system's own name for it (`OpportunityContactRole`).
        name: our name: of the table, the asset and the CLI argument (`opportunity_contact_role`).
        key: field that identifies a record.
        stamp: field by whose value windows are cut and by whose UTC month the mirror is partitioned.
        required: fields the sync user must be able to read (SPEC 2.1); the start-up check reports those missing.
        updateable: fields the sync user must also be able to write.
        wanted: fields that the mappings of another system's objects name; the start-up check reports those missing.
        unread: fields that are never read, with the reason: they are no data of the record.
        bookkeeping: fields that move with any touch; a difference in these alone is no change (GEN-13).
        disregarded: fields that may be told otherwise from one reading to the next; that alone is no difference.
        deleted: field that tells whether a record is deleted, if the system has it.
        master: field that names the record into which a deleted one was merged, if the system has it.
        again_by: where the keys stand of records whose change the system does not tell, as it does those of others.
        tombstones: a deleted record comes as its key, stamp and end alone; the mirror keeps its last values.
        known_by: where keys stand, if the system neither lists the object nor tells its changes.
        every: how often it is read, if a cycle would be too often.
        counted: whether the system tells how many records there are.
        compared: whether all ids can be compared; of records that the system itself forgets they cannot.
        chosen_types: record types, by developer name, whose records take part beyond the mirror; None where all do,
            empty where they have yet to be chosen (SPEC 31, decision 31).
        rule: who wins a conflict where a mapping does not say.
    """

    system: str
    source: str
    name: str
    description: str
    key: str = "Id"
    stamp: str = "SystemModstamp"
    required: tuple[str, ...] = ()
    updateable: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    unread: MappingOf[str, str] = field(default_factory=dict, hash=False)
    bookkeeping: tuple[str, ...] = ()
    disregarded: tuple[str, ...] = ()
    deleted: str = "IsDeleted"
    master: str = "MasterRecordId"
    tombstones: bool = False
    known_by: tuple[KnownBy, ...] = ()
    again_by: tuple[KnownBy, ...] = ()
    every: timedelta = timedelta(0)
    counted: bool = True
    compared: bool = True
    chosen_types: tuple[str, ...] | None = None
    rule: Rule = Rule.CRM_ONLY
    mappings: tuple[Mapping, ...] = ()

    @property
    def table(self) -> tuple[str, str]:
        """Schema and table of the mirror."""
        return (self.system, self.name)

    @property
    def changes_table(self) -> tuple[str, str]:
        return (self.system, f"{self.name}_changes")

    @property
    def title(self) -> str:
        """Our name with the system, as assets are named; names alone may be those of several systems' objects."""
        return f"{self.system}/{self.name}"


@dataclass(frozen=True)
class Pairing:
    """Which records of the two systems are one and the same, declared once per pair of objects.

    Attributes:
        crm, marketo: the two objects; a record of each makes a link.
        key: the Marketo field that carries the id of the CRM record (SPEC 31, decision 2); empty where none does.
        alive: SQL over the CRM's mirror that tells whether a record can still be linked and written.
        filter: the condition that an operator set, as written, which is part of `alive` (FILT-3).
        scope_of: the pairing on whose records it depends, by `alive`, which records of this one take part (FILT-4).
        mappings: the fields that both sides hold.
        called: our name of the pairing, where the CRM object makes more than one.
        deletes: whether a record deleted in the CRM is deleted in Marketo too, as one-way copies are (SF-OPP-9,
            SF-CO-14); otherwise it is kept, and flagged where a field for it is mapped (SPEC 31, decision 13).
        keys: the mapped Marketo fields that identify a record together, where none carries the CRM's id.
        custom: whether key and mappings follow from what both systems describe (SPEC 10).
        given: which records are paired, where an operator says so: (CRM id, Marketo id); nothing else is linked.
        misfit: SQL over such records `c` and `m`: what keeps them from being linked, null if nothing does.
        creates: whether a record of Marketo's that refers to linked ones is created in the CRM (SF-CAMP-4).
        created_for: the pairing whose new records need one of this, where only those are created (SF-CAMP-6).
        defaults: by CRM field, what stands in for an empty value in a record that is created (CONN-18).
        traced_by: the CRM fields by which a record is found whose creation was not answered, where the CRM would take a
            second one (GEN-16).
        merges: whether both systems can merge records of these objects (MERGE-1, MERGE-2).
        becomes: the pairing whose record a record of this one can turn into, and the CRM's field that names it.
        belongs_by: the mapped Marketo field that says whom a record belongs to and must wait for (VV-CALL-7).
        expires: whether the passing of time alone ends a link; the record then goes in Marketo, and stays in the CRM
            (VV-CALL-3).
        widened_as: of pairings whose custom fields take part where both systems call them alike (FIELD-1): what Marketo
            appends to the name of such a field where another object has one of that name, as in `Tier__c_account`
            (FIELD-23).
    """

    crm: Object
    marketo: Object
    key: str
    mappings: tuple[Mapping, ...]
    alive: str = "true"
    filter: str = ""
    called: str = ""
    deletes: bool = False
    keys: tuple[str, ...] = ()
    custom: bool = False
    given: tuple[tuple[str, str], ...] = ()
    misfit: str = "null"
    creates: bool = False
    created_for: str = ""
    defaults: MappingOf[str, str] = field(default_factory=dict, hash=False)
    traced_by: tuple[str, ...] = ()
    merges: bool = False
    becomes: tuple[str, str] | None = None
    belongs_by: str = ""
    expires: bool = False
    widened_as: str = ""
    scope_of: str = ""

    @property
    def name(self) -> str:
        """Our name of the pairing: that of its CRM object, unless it is called otherwise."""
        return self.called or self.crm.name

    @property
    def found_by(self) -> str:
        """The Marketo field that an upsert names: the key, or the first of several."""
        return self.key or self.keys[0]

    @property
    def is_rarely_read(self) -> bool:
        """Whether these are copies that Marketo's mirror shows late: what Marketo confirmed counts until it is read."""
        return bool(self.marketo.every) and all(m.direction is Direction.CRM_TO_MARKETO for m in self.mappings)

    def object(self, side: str) -> Object:
        """Return the object of a side, `crm` or `marketo`."""
        return {"crm": self.crm, "marketo": self.marketo}[side]

    def rule(self, mapping: Mapping) -> Rule:
        return mapping.rule or self.crm.rule


@dataclass(frozen=True)
class Field:
    """A field as the system's describe tells it; `type` is the system's own word (`picklist`, `currency`).

    `reference_to` names objects of the CRM; of Marketo, the object and its field: `lead.id`. Marketo finds records by
    the fields that `identify` them. What a native CRM sync keeps is `managed` by it, and not written (SF-CAMP-20).
    A number has `precision` digits, `scale` of them after the point; a whole one may have `digits` instead. A text has
    up to `length` characters in up to `octets` bytes. What is `defaulted` is filled by the system in a new record.
    `since` is ours: when the field became visible, or another type; of a record that was read before, the mirror does
    not have its value (FIELD-4). So is `fractional`: a number that is told to have no digits after its point, and of
    which some record has, as Salesforce keeps what a program writes.
    """

    name: str
    type: str
    label: str = ""
    length: int = 0
    nillable: bool = True
    calculated: bool = False
    updateable: bool = True
    createable: bool = True
    custom: bool = False
    precision: int = 0
    scale: int = 0
    digits: int = 0
    octets: int = 0
    by_reader: bool = False  # its value depends on who reads it
    defaulted: bool = False
    reference_to: tuple[str, ...] = ()
    picklist: tuple[str, ...] = ()
    restricted: bool = False  # to the values of its picklist
    identifies: bool = False
    managed: bool = False
    fractional: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Describe:
    """What a system says of one of its objects, for the user who asks: hidden fields are not in it (GEN-5)."""

    source: str
    fields: tuple[Field, ...]
    key_prefix: str | None = None
    queryable: bool = True
    record_types: tuple[str, ...] = ()  # by developer name, without the master one; not remembered in the lake
    odd: tuple[str, ...] = ()  # names that are no API names, so that they cannot be asked for; not remembered either

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(f.name for f in self.fields)

    def without(self, names: Iterable[str]) -> Describe:
        gone = set(names)
        return replace(self, fields=tuple(f for f in self.fields if f.name not in gone))


@dataclass(frozen=True)
class Window:
    """Half-open `[start, end)` of modification time, aware UTC; `start` None reaches back to the first record."""

    start: datetime | None
    end: datetime

    def __post_init__(self) -> None:
        for at in (self.start, self.end):
            if at is not None and at.utcoffset() != timedelta(0):
                raise ValueError(f"a window is cut in aware UTC, not at {at!r}")
        if self.start is not None and self.start > self.end:
            raise ValueError(f"a window cannot end at {self.end} before it starts at {self.start}")

    def __str__(self) -> str:
        start = self.start.isoformat() if self.start else "the beginning"
        return f"[{start}, {self.end.isoformat()})"


@dataclass(frozen=True)
class Counts:
    """What reading one object came to. `skipped` = read, with nothing of interest changed (OPS-3)."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    undeleted: int = 0
    merged: int = 0
    skipped: int = 0
    failed: int = 0
    calls: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def changed(self) -> int:
        return self.inserted + self.updated + self.deleted + self.undeleted + self.merged

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in self.as_dict()})

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def id18(record_id: str) -> str:
    """Return the 18-character form of a CRM id (GEN-19); the suffix tells upper from lower case in each five.

    Raises:
        ValueError: `record_id` has neither 15 nor 18 characters.
    """
    if len(record_id) == 18:
        return record_id
    if len(record_id) != 15:
        raise ValueError(f"a CRM id has 15 or 18 characters, not {len(record_id)}: {record_id!r}")
    chunks = (record_id[i : i + 5] for i in (0, 5, 10))
    return record_id + "".join(
        ID_ALPHABET[sum(1 << i for i, c in enumerate(chunk) if "A" <= c <= "Z")] for chunk in chunks
    )
