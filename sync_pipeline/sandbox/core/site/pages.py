"""The pages of objects and records, and the forms that write. Each takes a visit and returns an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import SystemRandom
from typing import TYPE_CHECKING

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.site import forms
from sync_pipeline.sandbox.core.site.filters import address
from sync_pipeline.sandbox.core.site.forms import EDITED
from sync_pipeline.sandbox.core.site.system import Asked, Object, RefusedError, Shown

if TYPE_CHECKING:
    from sync_pipeline.sandbox.core.site.visit import Visit

LAST_START = 10**9


class MissingError(Exception):
    """There is nothing at an address; the message says what is not there."""


# Records


def objects(visit: Visit) -> Response:
    return visit.page("objects.html", tallies=visit.system.tallies(visit.user), facts=visit.system.facts())


def records(visit: Visit, name: str) -> Response:
    obj = _object(visit, name)
    asked = _asked(visit, obj)
    return visit.page("records.html", obj=obj, asked=asked, rows=visit.system.rows(obj, asked, visit.user))


def _object(visit: Visit, name: str) -> Object:
    obj = visit.system.object(name, visit.user)
    if obj is None:
        raise MissingError(f"There is no object {name}.")
    return obj


def _asked(visit: Visit, obj: Object) -> Asked:
    args = visit.request.args
    order = args.get("order", "")
    order = order if order in obj.fields else obj.newest
    return Asked(
        search=args.get("search", "").strip(),
        order=order,
        descending=args.get("down", "1" if order == obj.newest else "") == "1",
        start=min(max(args.get("start", 0, type=int), 0), LAST_START),
        binned=obj.has_bin and args.get("bin") == "1",
        where={key[len(EDITED) :]: text for key, text in args.items() if _field_named(obj, key)},
    )


def _field_named(obj: Object, key: str) -> bool:
    return key.startswith(EDITED) and key[len(EDITED) :] in obj.fields


def record(visit: Visit, name: str, record: str) -> Response:
    obj, shown = _record(visit, name, record)
    return visit.page("record.html", obj=obj, shown=shown, related=visit.system.related(obj, shown.id, visit.user))


def _record(visit: Visit, name: str, record: str) -> tuple[Object, Shown]:
    obj = _object(visit, name)
    shown = visit.system.record(obj, record, visit.user)
    if shown is None:
        raise MissingError(f"There is no {name} {record}.")
    return obj, shown


# Writes


def new(visit: Visit, name: str) -> Response:
    """An empty form; the address may fill fields in (`?is.AccountId=...`)."""
    obj = _creatable(visit, name)
    empty = forms.texts(forms.writable(obj, True), {})
    given = {n: visit.request.args.get(EDITED + n, text) for n, text in empty.items()}
    return _form(visit, obj, None, empty, given)


def create(visit: Visit, name: str) -> Response:
    obj = _creatable(visit, name)
    was, given = _sent(visit, obj, True)
    values = {key: value for key, value in given.items() if value != was[key]}
    try:
        made = visit.system.create(obj, values, visit.user, _allows_duplicates(visit))
    except RefusedError as error:
        return _form(visit, obj, None, was, given, error)
    return _to(obj, made, "created")


def _creatable(visit: Visit, name: str) -> Object:
    obj = _object(visit, name)
    if not obj.can_create:
        raise MissingError(f"No {name} can be created here.")
    return obj


def edit(visit: Visit, name: str, record: str) -> Response:
    obj, shown = _record(visit, name, record)
    if not obj.can_update or shown.is_deleted:
        raise MissingError("This record cannot be changed.")
    texts = forms.texts(forms.writable(obj, False), shown.values)
    return _form(visit, obj, shown, texts, texts)


def update(visit: Visit, name: str, record: str) -> Response:
    obj, shown = _record(visit, name, record)
    was, given = _sent(visit, obj, False)
    values = {key: value for key, value in given.items() if value != was[key]}
    if not values:
        return _to(obj, shown.id, "unchanged")
    try:
        visit.system.update(obj, shown.id, values, visit.user, _allows_duplicates(visit))
    except RefusedError as error:
        return _form(visit, obj, shown, was, given, error)
    return _to(obj, shown.id, "saved")


def _sent(visit: Visit, obj: Object, creating: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts that the form was sent out with, and those that it came back with."""
    fields, form = forms.writable(obj, creating), visit.request.form
    return forms.shown(fields, form), forms.edited(fields, form)


def _allows_duplicates(visit: Visit) -> bool:
    return "allow_duplicates" in visit.request.form


def _form(
    visit: Visit,
    obj: Object,
    shown: Shown | None,
    was: Mapping[str, str],
    given: Mapping[str, str],
    error: RefusedError | None = None,
) -> Response:
    fields = forms.writable(obj, creating=shown is None)
    names = {field.name for field in fields}
    beside: dict[str, list[str]] = {}
    on_top = []
    for text, about in error.said if error else ():
        placed = [name for name in about if name in names]
        for name in placed:
            beside.setdefault(name, []).append(text)
        if not placed:
            on_top.append(text)
    return visit.page(
        "form.html",
        422 if error else 200,
        obj=obj,
        shown=shown,
        fields=fields,
        was=was,
        given=given,
        beside=beside,
        on_top=on_top,
        by_duplicates=bool(error and error.by_duplicates),
        candidates=visit.system.candidates(obj, visit.user),
    )


def delete(visit: Visit, name: str, record: str) -> Response:
    return _moved(visit, name, record, "deleted", visit.system.delete)


def undelete(visit: Visit, name: str, record: str) -> Response:
    return _moved(visit, name, record, "undeleted", visit.system.undelete)


def _moved(visit: Visit, name: str, record: str, done: str, move: Callable[[Object, str, str], None]) -> Response:
    obj, shown = _record(visit, name, record)
    try:
        move(obj, shown.id, visit.user)
    except RefusedError as error:
        related = visit.system.related(obj, shown.id, visit.user)
        return visit.page("record.html", 422, obj=obj, shown=shown, related=related, refused=str(error))
    if visit.system.record(obj, shown.id, visit.user) is None:
        return redirect(f"{address(obj.name)}?done={done}", 303)
    return _to(obj, shown.id, done)


def _to(obj: Object, record: str, done: str) -> Response:
    return redirect(f"{address(obj.name, record)}?done={done}", 303)


def act(visit: Visit) -> Response:
    """Go on as another user."""
    answer = redirect(_back(visit), 303)
    answer.set_cookie(visit.site.cookie, visit.request.form.get("user", ""), httponly=True, samesite="Strict")
    return answer


def work(visit: Visit) -> Response:
    visit.system.work(min(visit.request.form.get("count", 10, type=int), 1_000), SystemRandom().randrange(2**31))
    return redirect("/?done=edits", 303)


def _back(visit: Visit) -> str:
    """Return where the visitor came from, if that is a page of this site."""
    back = visit.request.form.get("back", "/")
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
