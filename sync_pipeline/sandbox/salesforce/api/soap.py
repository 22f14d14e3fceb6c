"""SOAP of the partner (`/u/`) and enterprise (`/c/`) addresses: a session's life, and what `soap_calls.py` adds."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.core.http import Route
from sync_pipeline.sandbox.salesforce.api import soap_calls
from sync_pipeline.sandbox.salesforce.errors import ApiError
from sync_pipeline.sandbox.salesforce.http import Call
from sync_pipeline.sandbox.salesforce.rules.writer import Writer
from sync_pipeline.sandbox.salesforce.xml import elements, local

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_XML = "text/xml; charset=utf-8"
_FLAVOURS = {"u": "partner", "c": "enterprise"}
_BAD_LOGIN = "Invalid username, password, security token; or user locked out."


def soap(call: Call, kind: str, organization: str = "") -> Response:
    try:
        # The server listens on loopback, and expat limits the growth of entities by itself.
        envelope = ElementTree.fromstring(call.request.get_data())  # noqa: S314
        request = envelope.find(f"{_SOAP}Body/*")
    except ElementTree.ParseError as error:
        return _fault(kind, "UNKNOWN_EXCEPTION", f"Unparsable request: {error}")
    operation = "nothing" if request is None else local(request)
    if request is not None and (operation in _OF_A_SESSION or operation in soap_calls.OPERATIONS):
        return _answer_in_session(call, kind, envelope, request)
    if request is None or operation != "login":
        return _fault(kind, "UNKNOWN_EXCEPTION", f"No operation available for request {operation}")
    given = {local(child): child.text or "" for child in request}
    login = call.sandbox.sessions.log_in(given.get("username", ""), given.get("password", ""))
    if login is None:
        return _fault(kind, "INVALID_LOGIN", _BAD_LOGIN, "LoginFault")
    return _answer(call, kind, login.user_id)


def _answer_in_session(call: Call, kind: str, envelope: ElementTree.Element, request: ElementTree.Element) -> Response:
    """Answer an operation for the user whose token the session header brings."""
    token = next((one.text or "" for one in envelope.iter() if local(one) == "sessionId"), "").strip()
    sessions = call.sandbox.sessions
    try:
        user = sessions.user_of(f"Bearer {token}")
        sessions.count_call()
        if of_a_session := _OF_A_SESSION.get(name := local(request)):
            body = f"<{name}Response>{of_a_session(call, user, token)}</{name}Response>"
            return Response(_envelope(body, _namespace(kind)), content_type=_XML)
        writer = Writer(call.org, user, "csv", spoil=call.sandbox.faults.spoil(call.request.path))
        body = soap_calls.answer(writer, request)
    except ApiError as error:
        message = error.message
        if error.code == "INVALID_SESSION_ID":
            message = "Invalid Session ID found in SessionHeader: Illegal Session"
        return _fault(kind, error.code, message)
    return Response(_envelope(body, _namespace(kind)), content_type=_XML)


def _namespace(kind: str) -> str:
    return f'xmlns="urn:{_FLAVOURS[kind]}.soap.sforce.com"'


def _log_out(call: Call, user_id: str, token: str) -> str:
    call.sandbox.sessions.end(token)
    return ""


def _server_timestamp(call: Call, user_id: str, token: str) -> str:
    return f"<result>{elements({'timestamp': f'{call.org.now():%Y-%m-%dT%H:%M:%S}.000Z'})}</result>"


def _get_user_info(call: Call, user_id: str, token: str) -> str:
    return f"<result>{elements(_user_info(call, user_id))}</result>"


_OF_A_SESSION = {"logout": _log_out, "getServerTimestamp": _server_timestamp, "getUserInfo": _get_user_info}


def _user_info(call: Call, user_id: str) -> dict[str, str]:
    user, organization = call.org.record("User", user_id) or {}, call.sandbox.sessions.organization_id
    return {
        "accessibilityMode": "false",
        "currencySymbol": "$",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgHasPersonAccounts": str(call.org.has_persons).lower(),
        "organizationId": organization,
        "organizationMultiCurrency": "false",
        "organizationName": "Sandbox",
        "sessionSecondsValid": "7200",
        "userEmail": user.get("Email") or "",
        "userFullName": user.get("Name") or "",
        "userId": user_id,
        "userLanguage": "en_US",
        "userLocale": "en_US",
        "userName": user.get("Username") or "",
        "userTimeZone": "GMT",
        "userType": "Standard",
    }


def _answer(call: Call, kind: str, user_id: str) -> Response:
    sandbox = call.sandbox
    server = f"{sandbox.url}/services/Soap/{{}}/{call.version}/{sandbox.sessions.organization_id[:15]}"
    result = {
        "metadataServerUrl": server.format("m"),
        "passwordExpired": "false",
        "sandbox": "true",
        "serverUrl": server.format(kind),
        "sessionId": sandbox.sessions.start(user_id),
        "userId": user_id,
    }
    info = f"<userInfo>{elements(_user_info(call, user_id))}</userInfo>"
    body = f"<loginResponse><result>{elements(result)}{info}</result></loginResponse>"
    return Response(_envelope(body, _namespace(kind)), content_type=_XML)


def _fault(kind: str, code: str, message: str, fault: str = "UnexpectedErrorFault") -> Response:
    name = _FLAVOURS[kind]
    detail = (
        f'<sf:{fault} xsi:type="sf:{fault}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:{fault}>"
    )
    body = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        f"<detail>{detail}</detail></soapenv:Fault>"
    )
    return Response(_envelope(body, f'xmlns:sf="urn:fault.{name}.soap.sforce.com"'), 500, content_type=_XML)


def _envelope(body: str, namespace: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" {namespace}'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )


ROUTES = [
    Route(path, soap, ("POST",), needs_login=False, is_charged=False)
    for path in (
        "/services/Soap/<any(u,c):kind>/<version>",
        "/services/Soap/<any(u,c):kind>/<version>/<organization>",
    )
]
