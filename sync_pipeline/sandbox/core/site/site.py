"""The site of one system: its addresses, who may use them, and how a template becomes an answer."""

from __future__ import annotations

import re
import secrets
from importlib import resources

import jinja2
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.misbehaviour import Misbehaviour
from sync_pipeline.sandbox.core.request_log import RequestLog
from sync_pipeline.sandbox.core.site import admin, guard, pages, watch
from sync_pipeline.sandbox.core.site.filters import FILTERS
from sync_pipeline.sandbox.core.site.system import System
from sync_pipeline.sandbox.core.site.visit import View, Visit

PAGES: tuple[tuple[str, str, View], ...] = (
    ("GET", "/", pages.objects),
    ("GET", "/objects/<name>", pages.records),
    ("GET", "/objects/<name>/new", pages.new),
    ("POST", "/objects/<name>/new", pages.create),
    ("GET", "/objects/<name>/<record>", pages.record),
    ("GET", "/objects/<name>/<record>/edit", pages.edit),
    ("POST", "/objects/<name>/<record>/edit", pages.update),
    ("POST", "/objects/<name>/<record>/delete", pages.delete),
    ("POST", "/objects/<name>/<record>/undelete", pages.undelete),
    ("GET", "/log", watch.log),
    ("GET", "/faults", watch.faults),
    ("POST", "/faults", watch.add_fault),
    ("POST", "/faults/clear", watch.clear_faults),
    ("POST", "/acting", pages.act),
    ("POST", "/work", pages.work),
)
PROGRAMS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/sandbox/faults", admin.list_faults),
    ("POST", "/sandbox/faults", admin.add_fault),
    ("DELETE", "/sandbox/faults", admin.clear_faults),
    ("DELETE", "/sandbox/faults/<int:number>", admin.remove_fault),
    ("GET", "/sandbox/faults/kinds", admin.list_kinds),
    ("POST", "/sandbox/edits", admin.edit),
    ("GET", "/sandbox/log", admin.log),
)
_HERE = resources.files("sync_pipeline.sandbox.core.site")


class Site:
    """Answers the requests to the addresses that no real system has; a server asks it first."""

    def __init__(self, system: System, faults: Misbehaviour, log: RequestLog) -> None:
        self.system = system
        self.faults = faults
        self.log = log
        self.token = secrets.token_urlsafe(24)
        # Cookies of one host go to all its ports: two systems' sites must not share one.
        self.cookie = re.sub(r"\W+", "-", system.title.lower()) + "-user"
        self.templates = jinja2.Environment(
            loader=jinja2.PackageLoader("sync_pipeline.sandbox.core.site"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters.update(FILTERS)
        rules = [Rule(path, endpoint=(view, True), methods=[method]) for method, path, view in PAGES]
        rules += [Rule(path, endpoint=(view, False), methods=[method]) for method, path, view in PROGRAMS]
        rules.append(Rule("/style.css", endpoint=(_style, True), methods=["GET"]))
        self._routes = Map(rules, strict_slashes=False, merge_slashes=False)

    def answer(self, request: Request) -> Response | None:
        """Return the answer to a request that is for the site, None for those that are the system's."""
        try:
            (view, is_page), arguments = self._routes.bind_to_environ(request.environ).match()
        except NotFound:
            return None
        except MethodNotAllowed as error:
            return Response("method not allowed", 405, {"Allow": ", ".join(error.valid_methods or ())})
        refused = guard.refusal(request, self.token if is_page else None)
        if refused:
            return Response(refused, 403, guard.POLICY, content_type="text/plain; charset=utf-8")
        visit = Visit(self, request, self._user(request))
        try:
            answer: Response = view(visit, **arguments)
        except pages.MissingError as error:
            answer = visit.page("missing.html", 404, said=str(error))
        answer.headers.extend(guard.POLICY)
        return answer

    def _user(self, request: Request) -> str:
        """Return as whom a request acts: the one chosen before, while there is such a user, else the first."""
        ids = [user for user, _ in self.system.users()]
        chosen = request.cookies.get(self.cookie, "")
        return chosen if chosen in ids else next(iter(ids), "")


def _style(visit: Visit) -> Response:
    return Response((_HERE / "style.css").read_bytes(), content_type="text/css; charset=utf-8")
