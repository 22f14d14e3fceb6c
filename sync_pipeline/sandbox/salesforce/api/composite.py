"""Several requests in one: composite with reference ids, composite graph, composite batch, and trees of records.

Subrequests are answered by the same resources that answer them alone; they cost no further API call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.http import Route, json_answer
from sync_pipeline.sandbox.salesforce.api.rest import visible_object
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.outcome import Outcome, UndoneError

Json = dict[str, Any]

MOST, MOST_IN_GRAPHS, MOST_IN_TREE = 25, 500, 200
_NAME = re.compile(r"[A-Za-z0-9_]+")
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."
_HALTED_GRAPH = "We rolled back the transaction since another operation in the same transaction failed."


def composite(call: Call) -> Response:
    body = call.body()
    requests = _subrequests(body, "compositeRequest", MOST)
    answers = _in_order(call, requests, body.get("allOrNone") is True, _HALTED)
    return json_answer({"compositeResponse": answers})


def graph(call: Call) -> Response:
    """Each graph is a transaction of its own."""
    graphs = call.body().get("graphs")
    if not isinstance(graphs, list):
        raise ApiError("JSON_PARSER_ERROR", "The body must have a list of graphs")
    answers = []
    for one in graphs:
        requests = _subrequests(one, "compositeRequest", MOST_IN_GRAPHS)
        done = _in_order(call, requests, True, _HALTED_GRAPH)
        good = all(answer["httpStatusCode"] < 400 for answer in done)
        answers.append(
            {"graphId": one.get("graphId"), "graphResponse": {"compositeResponse": done}, "isSuccessful": good}
        )
    return json_answer({"graphs": answers})


def batch(call: Call) -> Response:
    """Independent requests in order; their addresses need not begin with /services/data."""
    body = call.body()
    results: list[Json] = []
    for request in _subrequests(body, "batchRequests", MOST):
        if body.get("haltOnError") is True and any(result["statusCode"] >= 400 for result in results):
            halted = ApiError("BATCH_PROCESSING_HALTED", "Batch processing halted per request", 412)
            results.append({"statusCode": halted.status, "result": halted.body()})
            continue
        answer = _answer(call, request.get("method", ""), request.get("url", ""), request.get("richInput"))
        results.append({"statusCode": answer.status_code, "result": _body(answer)})
    return json_answer({"hasErrors": any(r["statusCode"] >= 400 for r in results), "results": results})


def _in_order(call: Call, requests: Sequence[Json], whole: bool, halted: str) -> list[Json]:
    """Return the answers of subrequests; `whole` takes all of them back when one fails."""
    answers: list[Json] = []
    try:
        with call.org.transaction() if whole else nullcontext():
            bodies: dict[str, Any] = {}
            for request in requests:
                answer = _referring(call, request, bodies)
                answers.append(answer)
                if answer["httpStatusCode"] < 400:
                    bodies[request["referenceId"]] = answer["body"]
            if whole and any(_failed(answer) for answer in answers):
                raise UndoneError
    except UndoneError:
        back = ApiError("PROCESSING_HALTED", halted)
        for answer in answers:
            if not _failed(answer):
                answer |= {"body": back.body(), "httpHeaders": {}, "httpStatusCode": back.status}
    return answers


def _failed(answer: Json) -> bool:
    """Tell whether a subrequest failed; one record of a collection that is refused is enough."""
    body = answer["body"]
    refused = isinstance(body, list) and any(isinstance(one, dict) and one.get("success") is False for one in body)
    return refused or bool(answer["httpStatusCode"] >= 400)


def _referring(call: Call, request: Json, bodies: Mapping[str, Any]) -> Json:
    """Return the answer of one subrequest, after what it refers to has been put in."""
    try:
        url, body = _resolved(request.get("url", ""), bodies), _resolved(request.get("body"), bodies)
        answer = _answer(call, request.get("method", ""), url, body)
    except ApiError as error:
        answer = json_answer(error.body(), error.status)
    location = answer.headers.get("Location")
    return {
        "body": _body(answer),
        "httpHeaders": {"Location": location} if location else {},
        "httpStatusCode": answer.status_code,
        "referenceId": request["referenceId"],
    }


def _resolved(value: Any, bodies: Mapping[str, Any]) -> Any:
    """Return a value with `@{order.id}` or `@{found.records[0].Id}` replaced by what was answered."""
    if isinstance(value, dict):
        return {key: _resolved(one, bodies) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, bodies) for one in value]
    return _REFERENCE.sub(lambda match: str(_followed(match, bodies)), value) if isinstance(value, str) else value


def _followed(match: re.Match[str], bodies: Mapping[str, Any]) -> Any:
    name, steps = match[1], match[2]
    if name not in bodies:
        raise ApiError("PROCESSING_HALTED", f"Invalid reference specified. No value for {name}{steps} found in {name}")
    value = bodies[name]
    for step in _STEP.finditer(steps):
        try:
            value = value[step[1]] if step[1] else value[int(step[2])]
        except (KeyError, IndexError, TypeError):
            message = f"Invalid reference specified. No value for {name}{steps} found in {name}"
            raise ApiError("PROCESSING_HALTED", message) from None
    return value


def _subrequests(body: Mapping[str, Any], name: str, most: int) -> list[Json]:
    requests = body.get(name)
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise ApiError("JSON_PARSER_ERROR", f"The body must have a list of {name}")
    if len(requests) > most:
        raise ApiError("LIMIT_EXCEEDED", f"Limit of subrequests is {most}, but {len(requests)} were sent")
    if name == "compositeRequest":
        names = [one.get("referenceId") for one in requests]
        if not all(isinstance(one, str) and _NAME.fullmatch(one) for one in names):
            raise ApiError("INVALID_INPUT", "Provided referenceId must be letters, numbers and underscores")
        if len(set(names)) < len(names):
            raise ApiError("INVALID_INPUT", "The reference ids of subrequests must be unique")
    return requests


def _answer(call: Call, method: str, url: str, body: object) -> Response:
    """Let the server's own resources answer a subrequest, in this thread and so in its transaction."""
    path, _, query = url.partition("?")
    if not path.startswith("/services/"):
        path = f"/services/data/{path.lstrip('/')}"
    sent = None if body is None else json.dumps(body)
    builder = EnvironBuilder(path=path, query_string=query, method=method.upper() or "GET", data=sent)
    for name in ("Authorization", "Sforce-Auto-Assign", "Sforce-Duplicate-Rule-Header"):
        if name in call.request.headers:
            builder.headers[name] = call.request.headers[name]
    return call.sandbox.answer_within(Request(builder.get_environ()))


def _body(answer: Response) -> Any:
    sent = answer.get_data(as_text=True)
    return json.loads(sent) if sent else None


# Trees


def tree(call: Call, name: str) -> Response:
    """Records with children nested in them, up to 200: all are created or none."""
    records = call.body().get("records")
    if not isinstance(records, list):
        raise ApiError("JSON_PARSER_ERROR", "The body must have a list of records")
    results: list[Json] = []
    try:
        with call.org.transaction():
            _plant(call, visible_object(call, name).name, records, None, results)
            if any("errors" in result for result in results):
                raise UndoneError
    except UndoneError:
        failed = [result for result in results if "errors" in result]
        return json_answer({"hasErrors": True, "results": failed}, 400)
    return json_answer({"hasErrors": False, "results": results}, 201)


def _plant(call: Call, name: str, records: Sequence[Json], parent: tuple[str, str] | None, results: list[Json]) -> None:
    """Create records, then the children of each; `parent` is the reference field and the id it gets."""
    relationships = {c["relationshipName"]: c for c in call.org.schema.children(name) if c["relationshipName"]}
    plain = [{k: v for k, v in record.items() if k != "attributes" and k not in relationships} for record in records]
    outcomes = call.writer().create(name, [one | dict([parent]) if parent else one for one in plain])
    for record, outcome in zip(records, outcomes, strict=True):
        results.append(_planted(record, outcome))
        if len(results) > MOST_IN_TREE:
            raise ApiError("LIMIT_EXCEEDED", f"A tree may have {MOST_IN_TREE} records at most")
        for relationship in record.keys() & relationships.keys() if outcome.id else ():
            child = relationships[relationship]
            nested = record[relationship].get("records", [])
            _plant(call, child["childSObject"], nested, (child["field"], str(outcome.id)), results)


def _planted(record: Json, outcome: Outcome) -> Json:
    reference = record.get("attributes", {}).get("referenceId")
    if outcome.error:
        return {"referenceId": reference, "errors": outcome.error.listed()}
    return {"referenceId": reference, "id": outcome.id}


_ROOT = "/services/data/v<version>/composite"


def resources(call: Call) -> Response:
    names = ("batch", "graph", "sobjects", "tree")
    return json_answer({name: f"/services/data/v{call.version}/composite/{name}" for name in names})


ROUTES: list[Route] = [
    Route(_ROOT, resources),
    Route(_ROOT, composite, ("POST",)),
    Route(f"{_ROOT}/graph", graph, ("POST",)),
    Route(f"{_ROOT}/batch", batch, ("POST",)),
    Route(f"{_ROOT}/tree/<name>", tree, ("POST",)),
]
