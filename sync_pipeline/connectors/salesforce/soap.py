"""SOAP, for what Salesforce offers by nothing else (`convert`, `merge`): an envelope out, elements or a fault in.

The session's token goes into the envelope as the request leaves, so that no message that is kept or shown holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import requests

_TOKEN = b"{token of the session}"
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


def envelope(operation: str, argument: str, values: Mapping[str, str | Mapping[str, str]]) -> bytes:
    """Return a call with one structured argument, in the partner's namespace; order is that of the WSDL.

    A value that is a mapping is a record, whose fields have a namespace of their own.
    """
    fields = "".join(f"<{name}>{_written(value)}</{name}>" for name, value in values.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns="urn:partner.soap.sforce.com">'
        f"<soapenv:Header><SessionHeader><sessionId>{_TOKEN.decode()}</sessionId></SessionHeader></soapenv:Header>"
        f"<soapenv:Body><{operation}><{argument}>{fields}</{argument}></{operation}></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _written(value: str | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return escape(value)
    own = 'xmlns="urn:sobject.partner.soap.sforce.com"'
    return "".join(f"<{name} {own}>{escape(text)}</{name}>" for name, text in value.items())


def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Move the token from the header of a request into its envelope; given to requests as `auth`."""
    token = request.headers.pop("Authorization").removeprefix("Bearer ")
    if isinstance(request.body, bytes):
        request.body = request.body.replace(_TOKEN, escape(token).encode())
    return request


def fault(body: bytes) -> tuple[str, str] | None:
    """Return code and text of a fault, None if the body holds none."""
    found = texts(body)
    code, message = found.get("faultcode", ""), found.get("faultstring", "")
    code = code.rpartition(":")[2]
    return (code, " ".join(message.removeprefix(f"{code}: ").split())) if code else None


def texts(body: bytes) -> dict[str, str]:
    """Return the text of each element by its local name, the first where there are several; {} if it is no XML."""
    try:
        # The body comes from the org we are logged in to, and expat limits the growth of entities by itself.
        root = ElementTree.fromstring(body)  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError):  # also of an encoding that is none
        return {}
    found: dict[str, str] = {}
    for one in root.iter():
        found.setdefault(str(one.tag).rpartition("}")[2], (one.text or "").strip())
    return found
