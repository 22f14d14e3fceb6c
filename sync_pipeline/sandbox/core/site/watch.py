"""The pages of the server itself: what was asked of it, and the faults in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from sync_pipeline.sandbox.core.site.visit import Visit

LOGGED = 200
REFRESH = 2  # seconds


def log(visit: Visit) -> Response:
    args = visit.request.args
    path, failed = args.get("path", "").strip(), args.get("failed") == "1"
    pattern = path if "*" in path else f"*{path}*"
    entries = visit.site.log.newest(LOGGED, pattern, failed)
    paused = args.get("paused") == "1"
    return visit.page(
        "log.html", entries=entries, path=path, failed=failed, paused=paused, refresh=0 if paused else REFRESH
    )


def faults(visit: Visit, refused: str = "") -> Response:
    kinds, names = visit.site.faults.kinds, [tally.name for tally in visit.system.tallies(visit.user)]
    return visit.page(
        "faults.html",
        422 if refused else 200,
        kinds=kinds,
        objects=names,
        in_force=visit.site.faults.as_list(),
        refused=refused,
    )


def add_fault(visit: Visit) -> Response:
    """Empty inputs are left to the fault's defaults; `times` may be the word always."""
    form = visit.request.form
    given: dict[str, Any] = {name: text for name, text in form.items() if text and name not in ("token", "kind")}
    if given.get("times") == "always":
        given["times"] = None
    try:
        visit.site.faults.add(form.get("kind", ""), **given)
    except (TypeError, ValueError) as error:
        return faults(visit, str(error))
    return redirect("/faults", 303)


def clear_faults(visit: Visit) -> Response:
    """Take one fault back, or all of them."""
    number = visit.request.form.get("id", type=int)
    if number is None:
        visit.site.faults.clear()
    else:
        visit.site.faults.remove(number)
    return redirect("/faults", 303)
