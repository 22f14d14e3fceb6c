"""Elements of XML, as SOAP and Bulk API 1 have them."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def local(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def elements(values: Mapping[str, str | None]) -> str:
    """Return an element for each value, nil for None."""
    return "".join(
        f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value)}</{name}>"
        for name, value in values.items()
    )
