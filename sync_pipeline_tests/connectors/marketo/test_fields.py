"""Which field of Marketo can hold every value of one of the CRM."""

from __future__ import annotations

import pytest

from sync_pipeline.connectors.marketo.fields import type_of
from sync_pipeline.model import Field

LONG = tuple(f"choice number {number}" for number in range(30))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (Field("", "double", precision=18), "string"),
        (Field("", "double", precision=10), "string"),
        (Field("", "double", precision=9), "integer"),
        (Field("", "double", precision=15, scale=2), "float"),
        (Field("", "double", precision=18, scale=15), "string"),
        (Field("", "currency", precision=15), "currency"),
        (Field("", "currency", precision=18, scale=2), "string"),
        (Field("", "percent", precision=3), "percent"),
        (Field("", "percent", precision=5, scale=2), "float"),
        (Field("", "percent", precision=18), "string"),
        (Field("", "int"), "integer"),
        (Field("", "long"), "string"),
        (Field("", "boolean"), "boolean"),
        (Field("", "string", length=255), "string"),
        (Field("", "textarea", length=256), ""),
        (Field("", "picklist", length=255, picklist=LONG), "string"),
        (Field("", "multipicklist", length=4099, picklist=("a", "b")), "string"),
        (Field("", "multipicklist", length=4099, picklist=LONG), ""),
        (Field("", "multipicklist", length=4099), ""),
    ],
)
def test_the_type_that_is_proposed_holds_every_value(field: Field, kind: str) -> None:
    assert type_of(field) == kind
