"""A small Veeva org as its sync user meets it: the login, what is seen, and whom the lake belongs to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipeline.assembly import systems
from sync_pipeline.catalog import veeva
from sync_pipeline.connectors.errors import FatalError
from sync_pipeline.lake import Lake, table
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import connect
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import FAILED, SUCCEEDED
from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.settings import Settings
from sync_pipeline_tests.connectors.conftest import a_minute_ago
from sync_pipeline_tests.marketo import connected

OBJECTS = (veeva.RECORD_TYPE, veeva.ACCOUNT)


def source(lake: Lake, sandbox: Sandbox, landing: Path, **changed: str) -> Source:
    """Give the org as an app with an id and a secret reads it, without anybody's password."""
    env = {n.lower(): v for n, v in sandbox.env().items() if n not in ("SALESFORCE_USERNAME", "SALESFORCE_PASSWORD")}
    found = systems.source(Settings(_env_file=None, lake_landing=landing, **{**env, **changed}), lake)  # type: ignore[arg-type]
    return replace(found, policy=replace(found.policy, lag=timedelta(seconds=-2), retry_wait=0.01))


def test_only_what_the_sync_user_sees_takes_part_and_what_is_hidden_later_is_not_taken_for_deleted(
    lake: Lake, tmp_path: Path
) -> None:
    """VV-GEN-7; by OAuth with client id and secret, of which a wrong one is refused: VV-CONN-1."""
    seen = "select Id, _deleted_at from lake.veeva.account"
    with Org.open(None, Schema.veeva(), a_minute_ago) as org, Sandbox(org) as sandbox:
        ann, _bob = org.insert("Account", [{"LastName": name, "Phone": "1"} for name in ("Ann", "Bob")])
        org.hide_records("Account", "LastName = 'Bob'")
        org.hide_field("Account", "Phone")
        wrong = runs.sync(source(lake, sandbox, tmp_path, salesforce_client_secret="wrong"), OBJECTS)
        assert (wrong.status, "the login at" in wrong.message) == (FAILED, True)
        assert runs.sync(source(lake, sandbox, tmp_path), OBJECTS).status == SUCCEEDED
        assert (sandbox.log.count("/services/oauth2/token"), sandbox.log.count("/services/Soap/*")) == (2, 0)
        assert lake.rows(seen) == [(ann, None)]
        with lake.reading() as con:
            assert {"LastName", "Phone"} & table.columns(con, *veeva.ACCOUNT.table).keys() == {"LastName"}
        org.hide_records("Account", "LastName = 'Ann'")
        assert runs.sync(source(lake, sandbox, tmp_path), OBJECTS).status == SUCCEEDED
        assert lake.rows(seen) == [(ann, None)]


def test_a_veeva_org_is_synced_with_one_subscription_and_another_one_is_refused(lake: Lake, tmp_path: Path) -> None:
    """VV-GEN-8."""
    with (
        Org.open(None, Schema.veeva(), a_minute_ago) as org,
        Sandbox(org) as sandbox,
        connected() as one,
        connected() as other,
    ):
        connect(source(lake, sandbox, tmp_path))
        connect(Source(lake, one.marketo, tmp_path))
        with pytest.raises(FatalError, match="another organization needs a lake of its own"):
            connect(Source(lake, other.marketo, tmp_path))
        connect(Source(lake, one.connect(), tmp_path))
