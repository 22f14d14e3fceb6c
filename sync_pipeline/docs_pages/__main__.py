"""python -m sync_pipeline.docs_pages [--check]"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sync_pipeline import catalog
from sync_pipeline.docs_pages import spec
from sync_pipeline.docs_pages.activities import activities_page
from sync_pipeline.docs_pages.deciding import deciding_page
from sync_pipeline.docs_pages.feed import feed_page
from sync_pipeline.docs_pages.flow import flow_page
from sync_pipeline.docs_pages.objects import objects_page, veeva_page
from sync_pipeline.docs_pages.settings import settings_page
from sync_pipeline.docs_pages.tables import tables_page

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "docs"


def pages(rows: Sequence[spec.Row]) -> dict[Path, str]:
    return {
        FOLDER / "settings.md": settings_page(),
        FOLDER / "objects.md": objects_page(catalog.objects("salesforce"), catalog.objects("marketo")),
        FOLDER / "veeva.md": veeva_page(),
        FOLDER / "tables.md": tables_page(),
        FOLDER / "deciding.md": deciding_page(),
        FOLDER / "feed.md": feed_page(),
        FOLDER / "flow.md": flow_page(),
        FOLDER / "activities.md": activities_page(),
        FOLDER / "spec.md": spec.spec_page(rows),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the pages that are out of date, or with `--check` name them; 1 if there is something left to do.

    A page of the specification that lost a row is not written over: it is the only place that knows of the loss.
    """
    rows = spec.read(FOLDER / "spec.csv", PROJECT / "sync_pipeline_tests")
    stale = {path: text for path, text in pages(rows).items() if not path.exists() or path.read_text("utf-8") != text}
    committed = FOLDER / "spec.md"
    lost = spec.lost(committed.read_text("utf-8"), rows) if committed.exists() else []
    for complaint in lost:
        print(complaint, file=sys.stderr)
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is not what it is made from any more: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        if path != committed or not lost:
            path.write_text(text, "utf-8")
    print(spec.summary(rows))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
