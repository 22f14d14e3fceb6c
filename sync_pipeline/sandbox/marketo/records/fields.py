"""Objects and fields of a subscription: what a describe tells and how a table stores it.

Standard ones are declared in `standard.py`; custom fields and objects are added by calls and lie with the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

COLUMN_TYPES = {
    **dict.fromkeys(("string", "email", "phone", "url", "text", "textarea"), "varchar"),
    **dict.fromkeys(("reference", "formula", "lead_function"), "varchar"),
    **dict.fromkeys(("integer", "score", "percent"), "bigint"),
    **dict.fromkeys(("float", "currency"), "double"),
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
}
# Text areas hold so many bytes, all other texts so many characters (Adobe: Field Types).
LENGTHS = {**dict.fromkeys(("string", "email", "phone", "url"), 255), "text": 30_000, "textarea": 30_000}
LONG = ("text", "textarea")  # their length is a limit, yet describe does not tell it


@dataclass(frozen=True)
class Field:
    """One field. `id` is what activities name it by; `company` marks those of a person that live on its company."""

    name: str
    label: str
    type: str
    id: int = 0
    length: int | None = None
    read_only: bool = False
    company: bool = False
    custom: bool = False
    by_api: bool = False
    hidden: bool = False
    sensitive: bool = False
    encoded: bool = True
    description: str | None = None
    related: Mapping[str, str] | None = None  # of a link: object and field it points to
    managed: bool = False  # by a native CRM sync

    @property
    def column(self) -> str:
        return COLUMN_TYPES[self.type]

    @property
    def most(self) -> int | None:
        """How many characters, or bytes of a text area, a value may have."""
        return self.length or LENGTHS.get(self.type)

    @property
    def told_length(self) -> dict[str, int]:
        """The `length` that describes show; of numbers, times and long texts they show none."""
        return {"length": self.most} if self.most and self.type not in LONG else {}

    def in_schema(self) -> dict[str, Any]:
        """Return the field as the schema calls show it (`.../schema/fields.json`)."""
        return {
            "displayName": self.label,
            "name": self.name,
            **({"description": self.description} if self.description else {}),  # the contract knows no null
            "dataType": self.type,
            **self.told_length,
            "isHidden": self.hidden,
            "isHtmlEncodingInEmail": self.encoded and self.column == "varchar",
            "isSensitive": self.sensitive,
            "isCustom": self.custom,
            "isApiCreated": self.by_api,
        }

    def in_describe(self) -> dict[str, Any]:
        """Return the field as the describe calls of all objects but the person show it."""
        shown = {"name": self.name, "displayName": self.label, "dataType": self.type, **self.told_length}
        return {**shown, "updateable": not self.read_only, "crmManaged": self.managed}


@dataclass
class ObjectType:
    """A kind of record: its fields in order, how it is identified, and by what it can be searched."""

    name: str
    label: str
    id_field: str
    dedupe: tuple[str, ...]
    searchable: tuple[tuple[str, ...], ...]
    fields: dict[str, Field] = field(default_factory=dict)
    plural: str | None = None
    description: str | None = None
    custom: bool = False
    created_at: str = ""
    updated_at: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """SQL types by column, for `sandbox.rows`."""
        return {name: found.column for name, found in self.fields.items()}

    @property
    def id_is_guid(self) -> bool:
        return self.id_field == "marketoGUID"

    def key(self, by: str) -> tuple[str, ...]:
        """Return the fields that `idField`, `dedupeFields` or a field's own name stands for."""
        return {"idField": (self.id_field,), "dedupeFields": self.dedupe}.get(by, (by,))

    def add(self, found: Field) -> None:
        self.fields[found.name] = found

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fields": [asdict(found) for found in self.fields.values()]}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> ObjectType:
        fields = [Field(**found) for found in kept["fields"]]
        return cls(
            **{
                **kept,
                "dedupe": tuple(kept["dedupe"]),
                "searchable": tuple(map(tuple, kept["searchable"])),
                "fields": {found.name: found for found in fields},
            }
        )


def declared(lines: str) -> Iterable[Field]:
    """Read fields from a declaration: a line each with id, name, type or type:length, flags, label.

    Flags: `ro` read-only, `co` lives on the company, `se` sensitive, `-` none.
    """
    for line in filter(None, map(str.strip, lines.splitlines())):
        number, name, kind, flags, label = line.split(None, 4)
        base, _, length = kind.partition(":")
        marks = flags.split(",")
        yield Field(
            name=name,
            label=label,
            type=base,
            id=int(number),
            length=int(length) if length else None,
            read_only="ro" in marks,
            company="co" in marks,
            sensitive="se" in marks,
        )


def by_name(fields: Iterable[Field]) -> dict[str, Field]:
    return {found.name: found for found in fields}


def on_company(found: Field) -> Field:
    """Return a person's company field as the company's own."""
    return replace(found, company=False)
