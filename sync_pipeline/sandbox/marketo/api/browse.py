"""A subscription as its pages in the browser see it; what is written there is written as by a marketer, and logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.core.site.system import Asked, Object, RefusedError, Related, Rows, Shown, Tally
from sync_pipeline.sandbox.marketo.api.browse_objects import READ_ONLY, condition, id_sql, shown_object
from sync_pipeline.sandbox.marketo.limits import Limits
from sync_pipeline.sandbox.marketo.population import live
from sync_pipeline.sandbox.marketo.records import life, people, records
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription

MARKETER = "marketer@sandbox.example"
CHILDREN = 5
_BY_HAND = Author("", MARKETER, "", "Changed in the page of the sandbox", "Person Detail Page")
# What hangs on a record: the object, its field, and the field here that it names.
_CHILDREN: dict[str, tuple[tuple[str, str, str], ...]] = {
    "lead": (("activity", "leadId", "id"), ("opportunityRole", "leadId", "id"), ("programMember", "leadId", "id")),
    "company": (("lead", "externalCompanyId", "externalCompanyId"),),
    "opportunity": (("opportunityRole", "externalOpportunityId", "externalOpportunityId"),),
    "salesPerson": (("lead", "externalSalesPersonId", "externalSalesPersonId"),),
    "program": (("programMember", "programId", "id"),),
}


class SubscriptionSystem:
    """See `System`. `address` is the base of the REST API."""

    title = "Marketo sandbox"

    def __init__(self, subscription: Subscription, limits: Limits, address: str) -> None:
        self._subscription = subscription
        self._limits = limits
        self._address = address

    def users(self) -> Sequence[tuple[str, str]]:
        return [(MARKETER, "A marketer")]

    def facts(self) -> Sequence[tuple[str, str]]:
        now = self._subscription.now()
        return [
            ("Clients ask at", self._address),
            ("API calls left today", f"{self._limits.left(now):,} of {self._limits.daily:,}"),
            ("Native CRM sync", "on" if self._subscription.native else "off"),
            ("Time of the subscription", f"{now:%Y-%m-%d %H:%M:%S} UTC"),
        ]

    # Reading

    def tallies(self, user: str) -> Sequence[Tally]:
        found = [shown_object(self._subscription, name) for name in self._names()]
        return [Tally(one.name, one.plural, self._count(one.name, "true", ()), 0) for one in found]

    def _names(self) -> list[str]:
        return [*self._subscription.objects, *READ_ONLY]

    def _count(self, name: str, where: str, values: Sequence[Any]) -> int:
        (counted,) = self._subscription.rows(f"select count(*) as n from {quote(name)} as t where {where}", values)
        return int(counted["n"])

    def object(self, name: str, user: str) -> Object | None:
        return shown_object(self._subscription, name) if name in self._names() else None

    def rows(self, obj: Object, asked: Asked, user: str) -> Rows:
        where, values = condition(obj, asked)
        listed = ", ".join(quote(name) for name in obj.columns)
        direction = "desc" if asked.descending else "asc"
        found = self._subscription.rows(
            f'select {id_sql(self._subscription, obj.name)} as "Id", {listed} from {quote(obj.name)} as t where {where}'
            f" order by {quote(asked.order)} {direction} nulls last, 1 limit {asked.most:d} offset {asked.start:d}",
            values,
        )
        return Rows(found, self._count(obj.name, where, values))

    def record(self, obj: Object, record: str, user: str) -> Shown | None:
        found = self._subscription.rows(
            f"select * from {quote(obj.name)} as t where {id_sql(self._subscription, obj.name)} = ?", [record]
        )
        if not found:
            return None
        values = {name: found[0][name] for name in obj.fields}
        title = next((values[name] for name in obj.columns if values.get(name)), record)
        return Shown(record, str(title), values, {})

    def related(self, obj: Object, record: str, user: str) -> Sequence[Related]:
        shown = self.record(obj, record, user)
        children = []
        for name, field, key in _CHILDREN.get(obj.name, ()):
            child, value = self.object(name, user), shown.values.get(key) if shown else None
            if child and value is not None:
                asked = Asked(order=child.newest, most=CHILDREN, where={field: str(value)})
                children.append(Related(child, field, self.rows(child, asked, user)))
        return children

    def candidates(self, obj: Object, user: str) -> Mapping[str, Mapping[str, str]]:
        return {}

    # Writing

    def create(self, obj: Object, values: Mapping[str, str], user: str, allow_duplicates: bool) -> str:
        if obj.name == "lead":
            return str(self._sync_person(values, How("createDuplicate"))["id"])
        object_type = self._subscription.objects[obj.name]
        (result,) = records.sync(self._subscription, object_type, [values], "createOnly", "dedupeFields", _BY_HAND)
        return str(_accepted(result)[object_type.id_field])

    def update(self, obj: Object, record: str, values: Mapping[str, str], user: str, allow_duplicates: bool) -> None:
        if obj.name == "lead":
            self._sync_person({"id": record, **values}, How("updateOnly", "id"))
            return
        object_type = self._subscription.objects[obj.name]
        changes = {object_type.id_field: record, **values}
        (result,) = records.sync(self._subscription, object_type, [changes], "updateOnly", "idField", _BY_HAND)
        _accepted(result)

    def _sync_person(self, values: Mapping[str, str], how: How) -> dict[str, Any]:
        (result,) = people.sync(self._subscription, [values], how, _BY_HAND)
        return _accepted(result)

    def delete(self, obj: Object, record: str, user: str) -> None:
        if obj.name == "lead":
            (result,) = life.delete(self._subscription, [int(record)], _BY_HAND)
        else:
            object_type = self._subscription.objects[obj.name]
            wanted = [{object_type.id_field: record}]
            (result,) = records.delete(self._subscription, object_type, wanted, "idField", _BY_HAND)
        _accepted(result)

    def undelete(self, obj: Object, record: str, user: str) -> None:
        raise RefusedError([("Marketo has no recycle bin", ())])

    def work(self, count: int, seed: int) -> Sequence[str]:
        return live.edit(self._subscription, count, seed)


def _accepted(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a write that was not skipped."""
    if "reasons" in result:
        raise RefusedError([(f"{one['message']} ({one['code']})", ()) for one in result["reasons"]])
    return result
