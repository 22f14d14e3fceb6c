"""SOAP `login` of the partner (`/u/`) and enterprise (`/c/`) addresses, as older clients log in."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from sync_pipeline.sandbox.http import Call, Route

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_XML = "text/xml; charset=utf-8"
_BAD_LOGIN = "Invalid username, password, security token; or user locked out."


def soap(call: Call, kind: str, organization: str = "") -> Response:
    try:
        # The server listens on loopback, and expat limits the growth of entities by itself.
        envelope = ElementTree.fromstring(call.request.get_data())  # noqa: S314
        request = envelope.find(f"{_SOAP}Body/*")
    except ElementTree.ParseError as error:
        return _fault(kind, "UNKNOWN_EXCEPTION", f"Unparsable request: {error}")
    if request is None or _local(request) != "login":
        operation = "nothing" if request is None else _local(request)
        return _fault(kind, "UNKNOWN_EXCEPTION", f"No operation available for request {operation}")
    given = {_local(child): child.text or "" for child in request}
    login = call.sandbox.sessions.log_in(given.get("username", ""), given.get("password", ""))
    if login is None:
        return _fault(kind, "INVALID_LOGIN", _BAD_LOGIN, "LoginFault")
    return _answer(call, kind, login.user_id)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _answer(call: Call, kind: str, user_id: str) -> Response:
    sandbox, user = call.sandbox, call.org.record("User", user_id) or {}
    organization = sandbox.sessions.organization_id
    server = f"{sandbox.url}/services/Soap/{{}}/{call.version}/{organization[:15]}"
    info = {
        "accessibilityMode": "false",
        "currencySymbol": "$",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgHasPersonAccounts": "false",
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
    result = {
        "metadataServerUrl": server.format("m"),
        "passwordExpired": "false",
        "sandbox": "true",
        "serverUrl": server.format(kind),
        "sessionId": sandbox.sessions.start(user_id),
        "userId": user_id,
    }
    name = {"u": "partner", "c": "enterprise"}[kind]
    body = f"<loginResponse><result>{_elements(result)}<userInfo>{_elements(info)}</userInfo></result></loginResponse>"
    return Response(_envelope(body, f'xmlns="urn:{name}.soap.sforce.com"'), content_type=_XML)


def _fault(kind: str, code: str, message: str, fault: str = "UnexpectedErrorFault") -> Response:
    name = {"u": "partner", "c": "enterprise"}[kind]
    detail = (
        f'<sf:{fault} xsi:type="sf:{fault}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:{fault}>"
    )
    body = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        f"<detail>{detail}</detail></soapenv:Fault>"
    )
    return Response(_envelope(body, f'xmlns:sf="urn:fault.{name}.soap.sforce.com"'), 500, content_type=_XML)


def _elements(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


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
