"""SOAP calls as a client makes them, and their results."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import requests

from sync_pipeline_tests.sandbox.conftest import Client

NS = "{urn:partner.soap.sforce.com}"


def soap(client: Client, body: str, token: str | None = None) -> requests.Response:
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="urn:partner.soap.sforce.com"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<s:Header><u:SessionHeader><u:sessionId>{escape(client.token if token is None else token)}</u:sessionId>"
        f"</u:SessionHeader></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
    return requests.post(f"{client.sandbox.url}/services/Soap/u/60.0", envelope.encode(), headers=headers, timeout=30)


def results(client: Client, body: str) -> list[dict[str, Any]]:
    """Return each result as a dict of its elements; repeated ones as lists, errors as their status codes."""
    answer = soap(client, body)
    assert answer.status_code == 200, answer.text
    found = []
    for result in ElementTree.fromstring(answer.content).iter(f"{NS}result"):  # noqa: S314 - our own server's
        values: dict[str, Any] = {"mergedRecordIds": [], "updatedRelatedIds": [], "errors": []}
        for one in result:
            name = one.tag.removeprefix(NS)
            value = one.findtext(f"{NS}statusCode") if name == "errors" else one.text
            values[name] = [*values[name], value] if isinstance(values.get(name), list) else value
        found.append(values)
    return found


def merging(kind: str, winner: str, *losers: str, **values: str) -> str:
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    ids = "".join(f"<u:recordToMergeIds>{one}</u:recordToMergeIds>" for one in losers)
    master = f'<u:masterRecord xsi:type="{kind}"><type>{kind}</type><Id>{winner}</Id>{fields}</u:masterRecord>'
    return f"<u:merge><u:request>{master}{ids}</u:request></u:merge>"


def converting(lead: str, status: str = "Closed - Converted", **more: str) -> str:
    fields = "".join(f"<u:{name}>{value}</u:{name}>" for name, value in more.items())
    return (
        f"<u:convertLead><u:leadConverts><u:leadId>{lead}</u:leadId><u:convertedStatus>{status}</u:convertedStatus>"
        f"{fields}</u:leadConverts></u:convertLead>"
    )
