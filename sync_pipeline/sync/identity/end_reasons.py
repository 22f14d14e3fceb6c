"""Why a link ends, and what may become of it then."""

from __future__ import annotations

from sync_pipeline.lake.sql import commas, literal

DELETED, UNSEEN = "deleted in the CRM", "no longer to be seen in the CRM"
FILTERED, EXPIRED = "takes no part any more", "kept no longer"
REMOVED = "removed, as it was kept no longer"  # for good: should the record take part again, it is a new one there
MERGED, CONVERTED = "merged in the CRM", "converted"
MARKETO_DELETED, MARKETO_MERGED = "deleted in Marketo", "merged in Marketo"
PASSED = (MERGED, CONVERTED)  # its record became another one
PASSED_SQL = commas(map(literal, PASSED))
GONE = (DELETED, UNSEEN)  # from the CRM
# The record may come back, and its link with it (DEL-7, FILT-5).
RETURNING = (*GONE, FILTERED, EXPIRED)
LASTS = f"(ended_at is null or ended_because in ({commas(map(literal, RETURNING))}))"
# Who takes no part any more may take along what belongs to it.
FILTERED_OR_OLD = commas(map(literal, (FILTERED, EXPIRED)))
# Links that are written to: open ones, and those of deleted or old records, as long as that is to be told (DEL-1).
TOLD = f"(ended_at is null or ended_because in ({literal(DELETED)}, {literal(EXPIRED)}))"
