"""The same pages over a system that is no Salesforce: numbers for ids, no users, no recycle bin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Thread

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sync_pipeline.sandbox.core.misbehaviour import Kind, Misbehaviour
from sync_pipeline.sandbox.core.request_log import RequestLog
from sync_pipeline.sandbox.core.site import Site, System
from sync_pipeline.sandbox.core.site.system import Asked, Field, Object, RefusedError, Related, Rows, Shown, Tally
from sync_pipeline_tests.sandbox.browser import Browser

BOOK = Object(
    name="book",
    label="Book",
    plural="Books",
    fields={
        "title": Field("title", "Title", "text", "string", is_required=True),
        "pages": Field("pages", "Pages", "number", "integer"),
    },
    columns=("title", "pages"),
    newest="title",
    has_bin=False,
)


class Shelf:
    """A system of one object, kept in a dict."""

    title = "Book shelf"

    def __init__(self) -> None:
        self.books: dict[str, dict[str, str]] = {"1": {"title": "Emma", "pages": "474"}}

    def users(self) -> Sequence[tuple[str, str]]:
        return []

    def facts(self) -> Sequence[tuple[str, str]]:
        return [("Shelves", "1")]

    def tallies(self, user: str) -> Sequence[Tally]:
        return [Tally("book", "Books", len(self.books), 0)]

    def object(self, name: str, user: str) -> Object | None:
        return BOOK if name == "book" else None

    def rows(self, obj: Object, asked: Asked, user: str) -> Rows:
        found = [{"Id": int(number), **book} for number, book in self.books.items() if asked.search in book["title"]]
        return Rows(found[asked.start : asked.start + asked.most], len(found))

    def record(self, obj: Object, record: str, user: str) -> Shown | None:
        book = self.books.get(record)
        return Shown(record, book["title"], book, {}) if book else None

    def related(self, obj: Object, record: str, user: str) -> Sequence[Related]:
        return []

    def candidates(self, obj: Object, user: str) -> Mapping[str, Mapping[str, str]]:
        return {}

    def create(self, obj: Object, values: Mapping[str, str], user: str, allow_duplicates: bool) -> str:
        if not values.get("title"):
            raise RefusedError([("a book has a title", ["title"])])
        self.books[str(len(self.books) + 1)] = {"pages": "", **values}
        return str(len(self.books))

    def update(self, obj: Object, record: str, values: Mapping[str, str], user: str, allow_duplicates: bool) -> None:
        self.books[record].update(values)

    def delete(self, obj: Object, record: str, user: str) -> None:
        del self.books[record]

    def undelete(self, obj: Object, record: str, user: str) -> None:
        raise RefusedError([("there is no bin", ())])

    def work(self, count: int, seed: int) -> Sequence[str]:
        return []


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def browser(shelf: Shelf) -> Iterator[Browser]:
    system: System = shelf
    site = Site(system, Misbehaviour({"burn": Kind("the shelf burns")}), RequestLog())

    @Request.application
    def serve(request: Request) -> Response:
        return site.answer(request) or Response("the system's own", 418)

    server = make_server("127.0.0.1", 0, serve)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Browser(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_record_is_created_found_changed_and_deleted(browser: Browser, shelf: Shelf) -> None:
    assert "Book shelf" in browser.text("/")
    assert "a book has a title" in browser.send("/objects/book/new", {"is.pages": "3"}).text
    made = browser.send("/objects/book/new", {"is.title": "Persuasion"})
    assert made.url.endswith("/objects/book/2?done=created")
    assert 'href="/objects/book/2">Persuasion</a>' in browser.text("/objects/book?search=Per")
    assert "have been saved" in browser.send("/objects/book/2/edit", {"is.pages": "249"}).text
    assert shelf.books["2"] == {"title": "Persuasion", "pages": "249"}
    deleted = browser.send("/objects/book/2", {}, "/objects/book/2/delete")
    assert deleted.url.endswith("/objects/book?done=deleted")
    assert "Recycle bin" not in deleted.text


def test_its_own_faults_are_offered_and_other_addresses_are_left_to_it(browser: Browser) -> None:
    assert "the shelf burns" in browser.text("/faults")
    assert browser.open("/rest/v1/leads.json").status_code == 418
