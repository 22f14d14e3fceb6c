"""The feed of a real organization against an account of it in pandas, over the two systems and not over our tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sync_pipeline import catalog
from sync_pipeline.lake.sql import commas, quoted
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.source import Source
from sync_pipeline.sales_insight import feed
from sync_pipeline.sales_insight.feed import Options
from sync_pipeline.sales_insight.fields import NAMES
from sync_pipeline.sandbox.salesforce.population.load import load
from sync_pipeline_tests.lake.conftest import lake as real_lake
from sync_pipeline_tests.lake.conftest import new_catalog
from sync_pipeline_tests.npsp import NPSP, write_under_api_names
from sync_pipeline_tests.sync.test_systems import Both, both

__all__ = ["both", "new_catalog", "real_lake"]
pytestmark = pytest.mark.skipif(not NPSP.is_dir(), reason="the recorded data set is not on this machine")
DEALS = tuple(
    catalog.by_name(name, catalog.objects("salesforce")) for name in ("opportunity", "opportunity_contact_role")
)
PERSON = {
    "firstName": "first_name", "lastName": "last_name", "id": "marketo_id", "company": "company", "title": "title",
    "email": "email", "phone": "phone_number", "linkedInProfileURL": "linkedin_url", "leadSource": "source",
    "externalPersonId": "crm_id",
}  # fmt: skip


def records(both: Both, source: str, *names: str) -> pd.DataFrame:
    """Return what the org itself holds of an object's living records."""
    with both.org.cursor() as cursor:
        return cursor.execute(
            f'select {commas(map(quoted, names))} from {both.org.truth(source)} where not "IsDeleted"'
        ).df()


def expected(both: Both) -> pd.DataFrame:
    """Return the 13 values of everybody who qualifies, sorted by Marketo id (SPEC table 23.1)."""
    people = (
        pd.DataFrame(both.system.subscription.rows("from lead")).reindex(columns=list(PERSON)).rename(columns=PERSON)
    )
    contacts = records(both, "Contact", "Id", "AccountId", "OwnerId")
    fed = people.merge(contacts, left_on="crm_id", right_on="Id")
    fed = fed[fed["OwnerId"].str.startswith("005")]
    roles = records(both, "OpportunityContactRole", "ContactId", "OpportunityId", "IsPrimary")
    deals = records(both, "Opportunity", "Id", "IsClosed", "SystemModstamp").rename(columns={"Id": "OpportunityId"})
    order = {"IsClosed": True, "IsPrimary": False, "SystemModstamp": False, "OpportunityId": True}
    chosen = roles.merge(deals, on="OpportunityId").sort_values(list(order), ascending=list(order.values()))
    chosen = chosen.drop_duplicates("ContactId")[["ContactId", "OpportunityId"]]
    fed = fed.merge(chosen, how="left", left_on="crm_id", right_on="ContactId")
    fed = fed.assign(salesforce_lead_id=None).rename(
        columns={"crm_id": "salesforce_contact_id", "AccountId": "salesforce_account_id",
                 "OpportunityId": "salesforce_opportunity_id"}
    )  # fmt: skip
    return fed[list(NAMES)].sort_values("marketo_id", ignore_index=True)


@pytest.mark.bench
def test_the_feed_of_the_npsp_org_is_what_pandas_makes_of_both_systems(both: Both, tmp_path: Path) -> None:
    """SIA-FEED-2 to 5, 10, 12 and 13."""
    (tmp_path / "npsp").mkdir()
    written = write_under_api_names(tmp_path / "npsp")
    for name in written.keys() - {"Account", "Contact", "Opportunity", "OpportunityContactRole"}:
        (tmp_path / "npsp" / f"{name}.csv").unlink()
    load(both.org, tmp_path / "npsp")
    queue, contacts = (
        both.org.insert("Group", [{"Name": "Inbound", "Type": "Queue"}])[0],
        records(both, "Contact", "Id"),
    )
    both.org.update("Contact", contacts["Id"][0], {"OwnerId": queue})
    both.clock.pass_seconds(60)
    both.cycle()
    assert runs.sync(Source(both.lake, both.salesforce, tmp_path / "deals"), DEALS).message == ""
    both.system.update(both.person(contacts["Id"][1])["id"], linkedInProfileURL="https://x.example", leadSource="Web")
    both.cycle()
    done = feed.start(both.lake, Options(), "run", both.clock())
    with both.lake.reading() as con:
        found = con.execute(f"select {commas(NAMES)} from lake.actions.people order by marketo_id").df()
    assert done.people == len(written["Contact"]) - 1
    pd.testing.assert_frame_equal(_plain(found), _plain(expected(both)))
    assert found["salesforce_opportunity_id"].notna().sum() > 100


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return values without what pandas makes of missing ones."""
    return frame.astype(object).where(frame.notna(), None)
