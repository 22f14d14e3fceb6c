"""A lake whose files are in object storage knows what is its own, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake, OwnershipError
from sync_pipeline.lake.maintenance import tidy
from sync_pipeline.lake.ownership import MARK
from sync_pipeline_tests.lake.object_store import object_store


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    with object_store() as (address, objects):
        given = {
            "DUCKDB_S3_ENDPOINT": address.replace("127.0.0.1", "localhost"),
            "DUCKDB_S3_USE_SSL": "false",
            "AWS_REGION": "eu-central-1",
        }
        keys = {"AWS_ACCESS_KEY_ID": "an-id-of-the-store", "AWS_SECRET_ACCESS_KEY": "a-key-of-the-store"}
        for name, value in (given | keys).items():
            monkeypatch.setenv(name, value)
        yield objects


def opened(folder: Path, name: str, address: str = "s3://bucket/lake", read_only: bool = False) -> Lake:
    return Lake.open(str(folder / name), address, threads=1, read_only=read_only)


def grow(lake: Lake) -> None:
    with lake.transaction() as con:
        con.execute("create table if not exists lake.sync.many (a bigint)")
        con.execute("insert into lake.sync.many select range from range(1000)")


def test_only_the_catalog_of_its_own_opens_it(tmp_path: Path, objects: dict[str, bytes]) -> None:
    with opened(tmp_path, "one.sqlite") as lake:
        grow(lake)
        assert objects[f"bucket/lake/{MARK}"].decode().startswith(f"{lake.id}\n")
    with opened(tmp_path, "one.sqlite") as lake:
        assert lake.rows("select count(*) from lake.sync.many") == [(1000,)]
    opened(tmp_path, "two.sqlite", "s3://bucket/other").close()
    before = dict(objects)
    for catalog in ("new.sqlite", "two.sqlite"):
        for address in ("s3://bucket/lake", "s3://bucket/lake/", "s3://bucket/lake/sync/many", "s3://bucket"):
            with pytest.raises(OwnershipError):
                opened(tmp_path, catalog, address)
    with pytest.raises(OwnershipError):
        opened(tmp_path, "two.sqlite", read_only=True)
    assert objects == before
    assert not (tmp_path / "new.sqlite").exists()
    del objects[f"bucket/lake/{MARK}"]
    with pytest.raises(OwnershipError):
        opened(tmp_path, "new.sqlite")
    with opened(tmp_path, "one.sqlite") as lake:  # taken over once, as its catalog knows the files
        assert objects[f"bucket/lake/{MARK}"].decode().startswith(f"{lake.id}\n")


def test_tidying_leaves_what_it_did_not_make(tmp_path: Path, objects: dict[str, bytes]) -> None:
    with opened(tmp_path, "one.sqlite") as lake:
        grow(lake)
        objects["bucket/lake/sync/many/letter.parquet"] = b"mine"
        objects["bucket/lake/sync/many/ducklake-0192e0a0-0000-7000-8000-000000000000.parquet"] = b"mine"
        assert tidy(lake, keep=timedelta(0)).strangers == 2
        assert lake.rows("select count(*) from lake.sync.many") == [(1000,)]
    assert list(objects.values()).count(b"mine") == 2
