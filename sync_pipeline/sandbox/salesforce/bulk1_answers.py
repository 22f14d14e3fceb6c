"""Bulk API 1 in its two tongues, XML and JSON: infos, lists, refusals, and which of them a request speaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.xml import NAMESPACE, XML_HEAD

JSON, XML = "application/json", "application/xml"  # without a charset: clients compare the whole header
_NAMES = {
    **{
        name.upper(): name
        for name in ("InvalidJob", "InvalidJobState", "InvalidBatch", "InvalidEntity", "ClientInputError")
    },
    "API_ERROR": "InvalidJob",
    "INVALID_SESSION_ID": "InvalidSessionId",
    "REQUEST_LIMIT_EXCEEDED": "ExceededQuota",
    "NOT_FOUND": "InvalidUrl",
}


def speaks_json(request: Request, otherwise: bool = False) -> bool:
    """Tell whether a request wants JSON, by its content type, else by what it accepts."""
    if request.mimetype in (JSON, XML):
        return request.mimetype == JSON
    accepted = request.headers.get("Accept", "")
    return JSON in accepted or (otherwise and XML not in accepted)


def info(name: str, values: Mapping[str, Any], as_json: bool, status: int = 200) -> Response:
    """Return the answer about one job (`jobInfo`) or batch (`batchInfo`)."""
    return _answer(values if as_json else _element(name, values, f' xmlns="{NAMESPACE}"'), status)


def batch_list(batches: Sequence[Mapping[str, Any]], as_json: bool) -> Response:
    if as_json:
        return _answer({"batchInfo": batches})
    inner = "".join(_element("batchInfo", batch) for batch in batches)
    return _answer(f'<batchInfoList xmlns="{NAMESPACE}">{inner}</batchInfoList>')


def result_list(results: Sequence[str], as_json: bool) -> Response:
    if as_json:
        return _answer(results)
    inner = "".join(f"<result>{result}</result>" for result in results)
    return _answer(f'<result-list xmlns="{NAMESPACE}">{inner}</result-list>')


def refusal(error: ApiError, request: Request) -> Response:
    """Return an error; refusals that Bulk API 2.0 words too lose what that puts before them."""
    code = _NAMES.get(error.code, error.code)
    message = error.message.removeprefix(f"{code} : ")
    if code == "InvalidSessionId":
        message = "Invalid session id"
    status = 400 if code in _NAMES.values() else error.status
    return info("error", {"exceptionCode": code, "exceptionMessage": message}, speaks_json(request), status)


def _answer(body: object, status: int = 200) -> Response:
    if isinstance(body, str):
        return Response(XML_HEAD + body, status, content_type=XML)
    return Response(json.dumps(body, ensure_ascii=False), status, content_type=JSON)


def _element(name: str, values: Mapping[str, Any], namespace: str = "") -> str:
    inner = "".join(f"<{key}>{_text(value)}</{key}>" for key, value in values.items() if value is not None)
    return f"<{name}{namespace}>{inner}</{name}>"


def _text(value: object) -> str:
    """Return a value as XML has it: times in the form of XML Schema."""
    return escape(str(value).removesuffix("+0000")) + ("Z" if str(value).endswith("+0000") else "")
