from __future__ import annotations

from sync_pipeline_tests.lake.conftest import lake, new_catalog, shared_lake

__all__ = ["lake", "new_catalog", "shared_lake"]
