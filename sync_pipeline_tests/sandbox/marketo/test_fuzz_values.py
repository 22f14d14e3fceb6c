"""Values of every kind in the fields that there are: none is met by a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipeline_tests.sandbox.marketo import contract
from sync_pipeline_tests.sandbox.marketo.conftest import Client
from sync_pipeline_tests.sandbox.marketo.examples import filled_world
from sync_pipeline_tests.sandbox.marketo.test_fuzz import EXAMPLES

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", " ", "2026-05-17", "2026-05-17T10:00:00+05:30", "0000-00-00", "1e400", "a@example.com", "\ud800", "\x00"]
    )
)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), _SCALARS, max_size=2)
# Where records are written, the object, and a field of its key.
_WRITES = {
    "/rest/v1/leads.json": ("lead", "email"),
    "/rest/v1/companies.json": ("company", "externalCompanyId"),
    "/rest/v1/opportunities.json": ("opportunity", "externalOpportunityId"),
    "/rest/v1/opportunities/roles.json": ("opportunityRole", "role"),
    "/rest/v1/salespersons.json": ("salesPerson", "externalSalesPersonId"),
    "/rest/v1/customobjects/car_c.json": ("car_c", "vIN"),
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    contract.contract()  # or skip
    with filled_world() as world:
        yield world.client


@pytest.mark.parametrize("path", _WRITES)
def test_no_value_of_a_known_field_meets_a_fault_of_ours(path: str, client: Client) -> None:
    name, key = _WRITES[path]
    fields = st.sampled_from(sorted(client.sandbox.subscription.objects[name].fields)) | st.text(max_size=5)
    records = st.dictionaries(fields, _VALUES, max_size=4).flatmap(
        lambda record: st.fixed_dictionaries({key: _SCALARS}).map(lambda keyed: {**keyed, **record})
    )

    @settings(max_examples=10 * EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(body=st.fixed_dictionaries({"input": st.lists(records, min_size=1, max_size=4)}))
    def look(body: dict[str, Any]) -> None:
        answer = client.send("POST", path, json=body).json()
        codes = [error["code"] for error in answer.get("errors", ())]
        assert "611" not in codes, body
        if answer["success"]:
            assert len(answer["result"]) == len(body["input"])

    look()
