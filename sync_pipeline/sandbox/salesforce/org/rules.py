"""What an org accepts: fields and who may write them, validation, duplicate and assignment rules. Pure.

`Rules` is what an administrator of the org has set up; `Form` is what one object asks of what one user sends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.schema import COMPOUND, SObject
from sync_pipeline.sandbox.salesforce.org.values import Wire, converter

Values = Mapping[str, Any]
Fails = Callable[[Values], bool]


@dataclass(frozen=True)
class DuplicateRule:
    """Records of `object` whose `fields` equal those of a record of `against` are duplicates (all filled, any case)."""

    object: str
    fields: tuple[str, ...]
    against: str
    name: str


class Rules:
    """The rules of one org; objects and fields by their API names."""

    def __init__(self) -> None:
        self._validations: list[tuple[str, Fails, str, str | None]] = []
        self._owners: dict[str, Callable[[Values], str | None]] = {}
        self._read_only: set[tuple[str, str, str | None]] = set()
        self.duplicate_rules: list[DuplicateRule] = []

    def validate(self, name: str, check: Fails, message: str, field: str | None = None) -> None:
        """Add a validation rule. As an error condition formula, `check` is true of the record that breaks the rule.

        It is given the whole record as it would be stored. The message stands at the field, else on top of the page.
        """
        self._validations.append((name, check, message, field))

    def forbid_duplicates(self, name: str, *fields: str, against: str | None = None, rule: str | None = None) -> None:
        """Add a blocking duplicate rule; clients pass it with `Sforce-Duplicate-Rule-Header: allowSave=true`."""
        self.duplicate_rules.append(DuplicateRule(name, fields, against or name, rule or f"Standard_{name}_Rule"))

    def assign(self, name: str, owner_of: Callable[[Values], str | None]) -> None:
        """Set the active assignment rule: the owner (user or queue) of a new record, None to leave it as it is."""
        self._owners[name] = owner_of

    def read_only(self, name: str, field: str, user: str | None = None) -> None:
        """Let the field be read but not written, by field-level security."""
        self._read_only.add((name, field, user))

    def clear(self) -> None:
        """Take all rules back."""
        self._validations.clear()
        self._owners.clear()
        self._read_only.clear()
        self.duplicate_rules.clear()

    # Asked by writes

    def has_validations(self, name: str) -> bool:
        return any(object_ == name for object_, *_ in self._validations)

    def sees_records(self, name: str) -> bool:
        """Tell whether a rule looks at more of a changed record than what changes."""
        return self.has_validations(name) or any(rule.object == name for rule in self.duplicate_rules)

    def broken(self, name: str, record: Values) -> list[ApiError]:
        """Return an error for each validation rule that the record breaks."""
        return [
            ApiError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, fields=[field] if field else [])
            for object_, fails, message, field in self._validations
            if object_ == name and fails(record)
        ]

    def assigned(self, name: str, record: Values) -> str | None:
        """Return the owner that the assignment rule gives the record."""
        owner_of = self._owners.get(name)
        return owner_of(record) if owner_of else None

    def locked_fields(self, name: str, user: str | None) -> set[str]:
        return {field for object_, field, whom in self._read_only if object_ == name and whom in (None, user)}


class Form:
    """One object as one user may fill it in."""

    def __init__(self, found: SObject, wire: Wire, hidden: Collection[str] = (), locked: Collection[str] = ()) -> None:
        self.object = found
        seen = [field for field in found.fields.values() if field["name"] not in hidden]
        self._fields = {field["name"].lower(): field for field in seen}
        self._parents = {f["relationshipName"].lower(): f for f in seen if f["relationshipName"]}
        self._converters = {f["name"]: converter(f, wire) for f in seen if f["type"] not in COMPOUND}
        self._createable = {f["name"] for f in seen if f["createable"]} - set(locked)
        self._updateable = {f["name"] for f in seen if f["updateable"]} - set(locked)
        needed = [f for f in seen if not f["nillable"] and f["type"] != "boolean" and f["name"] != "OwnerId"]
        self._needed = [f["name"] for f in needed if f["createable"] and not f["defaultedOnCreate"]]
        self._kept = [f["name"] for f in needed if f["updateable"]]

    def field(self, name: str) -> Json | None:
        return self._fields.get(name.lower())

    def parent(self, relationship: str) -> Json | None:
        """Return the reference field behind a relationship name."""
        return self._parents.get(relationship.lower())

    def convert(self, name: str, value: object) -> Any:
        """Return the value of one field as stored.

        Raises:
            ApiError: it does not fit.
        """
        return self._converters[name](value)

    def parse(self, given: Values) -> Iterator[tuple[Json, object]]:
        """Yield each field with its value as sent; a dict in place of a reference names the parent by another key.

        Raises:
            ApiError: INVALID_FIELD for a name that the object has not, or not for this user.
        """
        for name, value in given.items():
            field = self.field(name) or (self.parent(name) if isinstance(value, dict) else None)
            if field is None:
                message = f"No such column '{name}' on sobject of type {self.object.name}"
                raise ApiError("INVALID_FIELD", message)
            yield field, value

    def fill(self, given: Values, creating: bool) -> dict[str, Any]:
        """Return the values to store, by API name.

        Raises:
            ApiError: with all that is wrong with the fields by themselves.
        """
        values: dict[str, Any] = {}
        wrong: list[ApiError] = []
        for field, value in self.parse(given):
            name = field["name"]
            if isinstance(value, dict) and field["type"] == "reference":
                values[name] = value
                continue
            if name not in self._converters:
                continue  # a compound field; refused below, it is never writable
            try:
                values[name] = self._converters[name](value)
            except ApiError as error:
                if error.code == "JSON_PARSER_ERROR":
                    raise
                wrong.append(error)
        self._check_writable(given, creating)
        self._check_required(values, creating, {error.fields[0] for error in wrong if error.fields})
        if wrong:
            raise together(wrong)
        return values

    def _check_writable(self, given: Values, creating: bool) -> None:
        allowed = self._createable if creating else self._updateable
        refused = [field["name"] for field, _ in self.parse(given) if field["name"] not in allowed]
        if creating and "Id" in refused:
            raise ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", fields=["Id"])
        if refused:
            raise not_writable(refused)

    def _check_required(self, values: Values, creating: bool, wrong: Collection[str]) -> None:
        if "OwnerId" in values and values["OwnerId"] is None and not creating:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", fields=["OwnerId"])
        missing = [
            name
            for name in (self._needed if creating else self._kept)
            if values.get(name) is None and name not in wrong and (creating or name in values)
        ]
        if missing:
            raise required_missing(missing)


def not_writable(fields: Sequence[str]) -> ApiError:
    message = (
        f"Unable to create/update fields: {', '.join(fields)}. Please check the security settings of this"
        " field and verify that it is read/write for your profile or permission set."
    )
    return ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=fields)


def required_missing(fields: Sequence[str]) -> ApiError:
    message = f"Required fields are missing: [{', '.join(fields)}]"
    return ApiError("REQUIRED_FIELD_MISSING", message, fields=fields)


def together(errors: list[ApiError]) -> ApiError:
    """Return the first error, with the others of the same record beside it."""
    errors[0].also = tuple(errors[1:])
    return errors[0]
