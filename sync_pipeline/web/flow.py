"""Flow actions by HTTP, fit for a Marketo webhook (FLOW-18): POST /flow/<action> with the person and the options."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from sync_pipeline.on_demand.actions import RequestError, request
from sync_pipeline.on_demand.perform import Flow
from sync_pipeline.web.server import Endpoint, Fields, Reply

WAIT_SECONDS = 20.0  # for another request about the person; a webhook gives up after 30
AGAIN_SECONDS = 120  # by then a call whose connection broke is certainly over


def endpoint(flow: Flow) -> Endpoint:
    """Return the endpoint of flow actions.

    It answers 200 with the outcome, be it done, skipped or failed; 503 where the same request is to be sent again, 409
    for a request id that was used for another request, 400 for what an action does not take.
    """

    def answer(given: Fields) -> Reply:
        told = dict(given)
        action, person = told.pop("action"), told.pop("person", None)
        request_id = told.pop("request_id", None)
        if request_id in (None, ""):
            request_id = uuid.uuid4().hex
        try:
            asked = request(request_id, action, person, told)
        except RequestError as error:
            return Reply({"error": "Bad Request", "message": str(error)}, 400)
        outcome = flow.run(asked, WAIT_SECONDS)
        body = asdict(outcome)
        if outcome.code == "REQUEST_ID_USED":
            return Reply(body, 409)
        return Reply(body) if outcome.final else Reply(body, 503, AGAIN_SECONDS)

    return Endpoint("/flow/<action>", answer)
