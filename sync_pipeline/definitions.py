"""The composition root for Dagster: `dagster dev` loads `defs`, without network and without secrets."""

import os

from sync_pipeline import private, redactor
from sync_pipeline.assembly import declarations
from sync_pipeline.orchestration.jobs import definitions
from sync_pipeline.settings import Settings

os.umask(private.OWNER_ONLY)
redactor.install()
settings = Settings()
defs = definitions(declarations.objects(settings), settings, pairings=declarations.pairings(settings))
