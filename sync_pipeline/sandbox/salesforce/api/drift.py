"""Fields that disappear or appear between two pages of one result: the org's schema changes, and the pages with it.

What a real org does with results already begun is not documented; a client must notice whichever way it goes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.salesforce.bulk.jobs import DELIMITERS
from sync_pipeline.sandbox.salesforce.http import Host
from sync_pipeline.sandbox.salesforce.org.describe import DEFAULTS
from sync_pipeline.sandbox.salesforce.org.org import Org

_PAGE = re.compile(r"/services/data/v[\d.]+/(query(All)?(/[^/]+)?|jobs/query/(?P<job>[^/]+)/results)/?")
_NEEDED = {"Id", *DEFAULTS["system"]}  # an org cannot do without them: they vanish from pages only


def drift(sandbox: Host, path: str, name: str, answer: Response) -> Response:
    """Return a page of an object's records as the faults `field_gone` and `field_new` make it, other answers as is."""
    org, page = sandbox.org, _PAGE.fullmatch(path)
    if not sandbox.faults or page is None or answer.status_code != 200 or name not in org.schema:
        return answer
    delimiter = DELIMITERS[sandbox.bulk.get(page["job"]).delimiter] if page["job"] else None
    gone = sandbox.faults.take("field_gone", path, name)
    if gone:
        _drop(org, name, gone["field"])
        left_out = gone["field"].lower()
        answer = _reshaped(answer, lambda names: [one for one in names if one.lower() != left_out], delimiter)
    new = sandbox.faults.take("field_new", path, name)
    if new:
        if org.schema[name].field(new["field"]) is None:
            org.add_field(name, {"name": new["field"], "type": "string"})
        answer = _reshaped(answer, lambda names: [*names, new["field"]], delimiter)
    return answer


def _drop(org: Org, name: str, field: str) -> None:
    found = org.schema[name].field(field)
    if found and found["name"] not in _NEEDED:
        org.drop_field(name, found["name"])


Reshape = Callable[[list[str]], list[str]]


def _reshaped(answer: Response, reshape: Reshape, delimiter: str | None) -> Response:
    """Return the page with other columns; one that it did not have is null. CSV has a delimiter, JSON none."""
    body = b"".join(answer.iter_encoded()).decode()
    shaped = _csv(body, reshape, delimiter) if delimiter else _json(body, reshape)
    headers = [(name, value) for name, value in answer.headers if name != "Content-Length"]
    return Response(shaped, answer.status_code, headers)


def _json(body: str, reshape: Reshape) -> str:
    page: dict[str, Any] = json.loads(body)
    page["records"] = [{name: record.get(name) for name in reshape(list(record))} for record in page["records"]]
    return json.dumps(page, ensure_ascii=False, separators=(",", ":"))


def _csv(body: str, reshape: Reshape, delimiter: str) -> str:
    rows = csv.DictReader(io.StringIO(body, newline=""), delimiter=delimiter)
    names, text = reshape(list(rows.fieldnames or ())), io.StringIO()
    shaped = csv.DictWriter(
        text, names, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n", extrasaction="ignore"
    )
    shaped.writeheader()
    shaped.writerows(rows)
    return text.getvalue()
