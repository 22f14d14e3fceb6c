"""The composition root for Dagster: `dagster dev` loads `defs`, without network and without secrets."""

from sync_pipeline import assembly
from sync_pipeline.orchestration.jobs import definitions
from sync_pipeline.settings import Settings

settings = Settings()
defs = definitions(assembly.objects(settings), settings, pairings=assembly.pairings(settings))
