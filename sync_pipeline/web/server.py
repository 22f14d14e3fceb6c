"""A small server for endpoints: routes, the token, JSON or forms in, JSON out. What is answered, endpoints decide."""

from __future__ import annotations

import hmac
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from cheroot import wsgi
from werkzeug.exceptions import BadRequest, HTTPException, Unauthorized
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 10
MOST_BYTES = 65_536

Fields = Mapping[str, object]


@dataclass(frozen=True)
class Reply:
    """What an endpoint answers; `retry_after` seconds tell the asker when to send the same again."""

    body: Mapping[str, object]
    status: int = 200
    retry_after: int = 0


@dataclass(frozen=True)
class Endpoint:
    """Who answers at a path, which may hold variables: `/flow/<action>`.

    `answer` gets the fields of the body, the variables of the path and, as `request_id`, the header `Idempotency-Key`
    where the body names none.
    """

    path: str
    answer: Callable[[Fields], Reply]


class Server:
    """Endpoints being served: `with` serves them at `url` until the block ends."""

    def __init__(self, endpoints: Iterable[Endpoint], token: str, host: str = "127.0.0.1", port: int = 0) -> None:
        """Make a server; it takes a free port where none is given.

        Args:
            token: every request must bear it (`Authorization: Bearer …`).
        """
        if not token:
            raise ValueError("a server without a token would answer everybody")
        self._token = token.encode()
        self._routes = Map([Rule(e.path, endpoint=e, methods=["POST"]) for e in endpoints], strict_slashes=False)
        self._server = wsgi.Server((host, port), self, numthreads=THREADS)
        self._server.expiration_interval = 0.1  # seconds; stopping waits for it once
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="web", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        if self._thread:
            self._thread.join()

    @property
    def url(self) -> str:
        host, port = self._server.bind_addr
        return f"http://{host}:{port}"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MOST_BYTES
        return self._response(request)(environ, start_response)

    def _response(self, request: Request) -> Response:
        try:
            self._authorize(request)
            endpoint, variables = self._routes.bind_to_environ(request.environ).match()
            reply = endpoint.answer({**_fields(request), **variables})
        except HTTPException as error:
            reply = Reply({"error": error.name, "message": error.description}, error.code or 500)
        except Exception as error:  # the asker is told no more than that; the message may hold somebody's values
            where = "".join(traceback.format_tb(error.__traceback__))
            logging.getLogger(__name__).error("%s at %s\n%s", type(error).__name__, request.path, where)
            reply = Reply({"error": "Internal Server Error"}, 500)
        response = Response(json.dumps(reply.body), reply.status, mimetype="application/json")
        if reply.retry_after:
            response.headers["Retry-After"] = str(reply.retry_after)
        return response

    def _authorize(self, request: Request) -> None:
        given = request.authorization
        token = (given.token or "").encode() if given and given.type == "bearer" else b""
        if not hmac.compare_digest(token, self._token):
            raise Unauthorized("the token of HTTP_TOKEN is needed: Authorization: Bearer …")


def _fields(request: Request) -> Fields:
    """Return what the body says, as JSON or as a form."""
    told: object = request.form.to_dict()
    if request.mimetype not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        try:
            told = json.loads(request.get_data(as_text=True) or "{}")
        except ValueError:
            raise BadRequest("the body is no JSON") from None
    if not isinstance(told, dict):
        raise BadRequest("the body is no JSON object")
    key = request.headers.get("Idempotency-Key")
    return {"request_id": key, **told} if key else told
