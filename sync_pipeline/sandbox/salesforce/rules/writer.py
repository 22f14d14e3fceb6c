"""The one way in: every API that writes hands its records to a `Writer`, which checks them and tells the org.

It takes a batch of one object and answers an outcome for each record, in order. A record that is refused leaves the
others of its batch alone; `outcome.all_or_none` is for callers who want it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.org.ids import record_id
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.rules import Form
from sync_pipeline.sandbox.salesforce.org.schema import SObject
from sync_pipeline.sandbox.salesforce.org.values import MisreadError, Wire
from sync_pipeline.sandbox.salesforce.outcome import Outcome
from sync_pipeline.sandbox.salesforce.rules import campaign_members, person_drafts, record_types, targets
from sync_pipeline.sandbox.salesforce.rules import drafts as checks
from sync_pipeline.sandbox.salesforce.rules.drafts import Draft, standing

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """What a client asks of a write beside the records: headers, or settings of a bulk job.

    `assign` None leaves it to the default: the active assignment rule gives new records their owner, old ones keep it.
    """

    assign: bool | None = None
    allow_duplicates: bool = False


class Writer:
    """Whose hand writes: `user`, in the syntax of `wire`. `spoil` may refuse a record by its id, on command.

    `sent` returns the text of the request, in which a value that cannot be read has its place.
    """

    def __init__(
        self,
        org: Org,
        user: str | None = None,
        wire: Wire = "json",
        options: Options | None = None,
        spoil: Callable[[str], ApiError | None] = lambda record: None,
        sent: Callable[[], str] = str,
    ) -> None:
        self.org = org
        self.user = user
        self._wire = wire
        self._options = options or Options()
        self._spoil = spoil
        self._sent = sent

    def permitted(self, name: str, flag: str) -> SObject:
        """Return the object, if the user sees it and its describe says that this can be done to it.

        Raises:
            ApiError: INVALID_TYPE, INVALID_TYPE_FOR_OPERATION.
        """
        found = self.org.schema.get(name)
        if found is None or found.name in self.org.hidden_objects(self.user):
            raise ApiError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        if not found.describe[flag]:
            verb = {"createable": "create", "updateable": "update", "deletable": "delete"}[flag]
            raise ApiError("INVALID_TYPE_FOR_OPERATION", f"entity type {found.name} does not support {verb}")
        return found

    def form(self, found: SObject) -> Form:
        hidden = self.org.hidden_fields(found.name, self.user)
        return Form(found, self._wire, hidden, self.org.rules.locked_fields(found.name, self.user))

    # The four writes

    def create(self, name: str, records: Sequence[Values]) -> list[Outcome]:
        found = self.permitted(name, "createable")
        return self._write(found, [Draft(record) for record in records])

    def update(self, name: str, records: Sequence[tuple[object, Values]]) -> list[Outcome]:
        """Change records given as (id, values)."""
        found = self.permitted(name, "updateable")
        return self._write(found, [Draft(values, str(record or ""), creating=False) for record, values in records])

    def upsert(self, name: str, key: str, records: Sequence[tuple[object, Values]]) -> list[Outcome]:
        """Change the record that holds a value of an external-id field, or create it; given as (value, values).

        Raises:
            ApiError: NOT_FOUND, the field is no external id.
        """
        found = self.permitted(name, "createable")
        form = self.form(found)
        field = form.field(key)
        if field is None or not (field["externalId"] or field["idLookup"]):
            message = f"Provided external ID field does not exist or is not accessible: {key}"
            raise ApiError("NOT_FOUND", message, 404)
        with self.org.transaction():
            drafts, keys = [], []
            for value, values in records:
                draft = Draft(values)
                try:
                    keys.append(form.convert(field["name"], value))
                except ApiError as error:
                    keys.append(None)
                    draft.error = error
                drafts.append(draft)
            targets.match(self.org, found, field["name"], keys, drafts)
            return self._write(found, drafts)

    def delete(self, ids: Sequence[object], name: str | None = None, hard: bool = False) -> list[Outcome]:
        """Put records into the recycle bin, or past it, with the children that go with them.

        Without a `name` they may be of any object.
        """
        drafts = [Draft({}, str(record or ""), creating=False) for record in ids]
        groups: dict[str, list[Draft]] = {}
        for draft in drafts:
            target = self.org.schema.by_prefix(draft.id)
            if target is None or (name and self.org.schema[name] is not target):
                draft.error = targets.malformed(draft.id)
            else:
                groups.setdefault(target.name, []).append(draft)
        with self.org.transaction():
            for target_name, group in groups.items():
                try:
                    found = self.permitted(target_name, "deletable")
                except ApiError as error:
                    for draft in group:
                        draft.error = error
                    continue
                targets.find(self.org, found, group, self.user, whole=False)
                person_drafts.check_deletable(found, group)
                targets.check_restricted(self.org, found, group)
                self._meet_faults(group)
                gone = list(dict.fromkeys(draft.id for draft in standing(group)))
                (self.org.hard_delete if hard else self.org.delete)(found.name, gone)
        return [_outcome(draft) for draft in drafts]

    # The way of a batch

    def _write(self, found: SObject, drafts: Sequence[Draft]) -> list[Outcome]:
        with self.org.transaction():
            self._fill(found, standing(drafts))
            olds = [draft for draft in standing(drafts) if not draft.creating]
            targets.find(self.org, found, olds, self.user, self._needs_all(found))
            self._number(found, [draft for draft in drafts if draft.creating])
            checks.resolve_parents(self.org, found, drafts)
            record_types.check(self.org, found, drafts)
            person_drafts.check(self.org, found, drafts)
            campaign_members.check(self.org, found, drafts)
            self._assign(found, standing(drafts))
            checks.check_references(self.org, found, drafts, self.user)
            self._validate(found, standing(drafts))
            if not self._options.allow_duplicates:
                checks.check_duplicates(self.org, found, drafts)
            checks.check_unique(self.org, found, drafts)
            self._meet_faults(drafts)
            campaign_members.complete(self.org, found, drafts)
            self._store(found, standing(drafts))
        return [_outcome(draft) for draft in drafts]

    def _fill(self, found: SObject, drafts: Sequence[Draft]) -> None:
        form = self.form(found)
        for draft in drafts:
            try:
                draft.values = self.org.kept(found.name, form.fill(draft.given, draft.creating))
            except MisreadError as error:
                draft.error = error.within(self._sent())
            except ApiError as error:
                draft.error = error

    def _needs_all(self, found: SObject) -> bool:
        """Tell whether a rule will look at the whole record."""
        return bool(self._options.assign) or self.org.rules.sees_records(found.name)

    def _number(self, found: SObject, drafts: Sequence[Draft]) -> None:
        """Give new records their ids already, which refusals of later ones may name, and what they are born with."""
        if not drafts:
            return
        first = self.org.reserve_ids(found.name, len(drafts))
        born = self.org.born(found, self.user or self.org.user_id)
        for i, draft in enumerate(drafts):
            draft.old = born
            draft.id = record_id(found.prefix, first + i)

    def _assign(self, found: SObject, drafts: Sequence[Draft]) -> None:
        if self._options.assign is False:
            return
        for draft in drafts:
            if draft.creating or self._options.assign:
                owner = self.org.rules.assigned(found.name, draft.record)
                if owner:
                    draft.values["OwnerId"] = owner

    def _validate(self, found: SObject, drafts: Sequence[Draft]) -> None:
        if not self.org.rules.has_validations(found.name):
            return
        empty = dict.fromkeys(found.fields)
        for draft in drafts:
            broken = self.org.rules.broken(found.name, {**empty, **draft.record})
            if broken:
                broken[0].also = tuple(broken[1:])
                draft.error = broken[0]

    def _meet_faults(self, drafts: Collection[Draft]) -> None:
        for draft in standing(drafts):
            draft.error = self._spoil(draft.id)

    def _store(self, found: SObject, drafts: Sequence[Draft]) -> None:
        new = [draft for draft in drafts if draft.creating]
        defaulted = {name for name, field in found.fields.items() if field["defaultedOnCreate"]}
        if new:
            self.org.insert(
                found.name,
                [
                    {"Id": d.id} | {n: v for n, v in d.values.items() if v is not None or n not in defaulted}
                    for d in new
                ],
                self.user,
            )
        changes: dict[str, dict[str, Any]] = {}
        olds: dict[str, Values] = {}
        for draft in drafts:
            if not draft.creating:
                changes.setdefault(draft.id, {}).update(draft.values)
                olds[draft.id] = draft.old
        self.org.change(found.name, changes, olds, self.user)


def _outcome(draft: Draft) -> Outcome:
    known = draft.id if draft.id and not (draft.error and draft.creating) else None
    return Outcome(known, draft.creating and draft.error is None, draft.error)
