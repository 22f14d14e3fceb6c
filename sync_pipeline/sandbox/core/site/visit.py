"""A request to the site, and what a page is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jinja2
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.misbehaviour import Misbehaviour
from sync_pipeline.sandbox.core.request_log import RequestLog
from sync_pipeline.sandbox.core.site.system import System

View = Callable[..., Response]
DONE = {
    "created": "The record has been created.",
    "saved": "The changes have been saved.",
    "unchanged": "Nothing was changed, so nothing has been written.",
    "deleted": "The record has been deleted.",
    "undeleted": "The record is back from the recycle bin.",
    "edits": "The staff has made some edits; the newest records come first.",
}


class Host(Protocol):
    """What a page needs of the site that shows it."""

    system: System
    faults: Misbehaviour
    log: RequestLog
    token: str
    cookie: str
    templates: jinja2.Environment


@dataclass(frozen=True)
class Visit:
    """One request to the site, and as whom it looks and writes."""

    site: Host
    request: Request
    user: str

    @property
    def system(self) -> System:
        return self.site.system

    @property
    def done(self) -> str:
        """Return what has just been done, in words; "" for nothing."""
        return DONE.get(self.request.args.get("done", ""), "")

    def page(self, template: str, status: int = 200, **named: Any) -> Response:
        html = self.site.templates.get_template(template).render(visit=self, **named)
        return Response(html, status, content_type="text/html; charset=utf-8")
