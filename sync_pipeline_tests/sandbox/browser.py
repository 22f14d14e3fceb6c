"""A browser without scripts: it follows redirects, keeps cookies, and sends forms as they stand on a page."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

import requests


class Form(HTMLParser):
    """The values that the form with a given action (the page's own address by default) would send unchanged."""

    def __init__(self, page: str, action: str | None) -> None:
        super().__init__()
        self.values: list[tuple[str, str]] = []
        self._action = action
        self._inside = False
        self._textarea = self._select = self._option = ""
        self._is_selected = False
        self._text: list[str] = []
        self._chosen: list[str] = []
        self._first: str | None = None
        self._is_multiple = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("method") == "post" and given.get("action") == self._action
        if not self._inside:
            return
        name, value = given.get("name") or "", given.get("value")
        if tag == "input" and name and (given.get("type") != "checkbox" or "checked" in given):
            self.values.append((name, value or ""))
        elif tag == "textarea":
            self._textarea, self._text = name, []
        elif tag == "select":
            self._select, self._chosen, self._first = name, [], None
            self._is_multiple = "multiple" in given
        elif tag == "option":
            self._option, self._is_selected, self._text = value if value is not None else "\0", "selected" in given, []

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._text)
        if tag == "textarea" and self._textarea:
            # A parser drops the line break after the tag, a browser sends every other one as CR LF.
            self.values.append((self._textarea, text.removeprefix("\n").replace("\n", "\r\n")))
            self._textarea = ""
        elif tag == "option" and self._select:
            value = text if self._option == "\0" else self._option
            self._first = value if self._first is None else self._first
            self._chosen += [value] if self._is_selected else []
        elif tag == "select" and self._select:
            chosen = self._chosen or ([] if self._is_multiple or self._first is None else [self._first])
            self.values += [(self._select, value) for value in chosen]
            self._select = ""
        elif tag == "form":
            self._inside = False


class Browser:
    """One person's browser at a sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def open(self, path: str) -> requests.Response:
        return self._session.get(self.url + path, timeout=30)

    def text(self, path: str) -> str:
        """Return a page that is there, as it was sent."""
        page = self.open(path)
        assert page.status_code == 200, page.text
        return page.text

    def send(
        self, path: str, changed: Mapping[str, str | None] | None = None, action: str | None = None
    ) -> requests.Response:
        """Open a page, fill in a form of it and send it; None takes a value away, as unticking a box does."""
        changed = changed or {}
        kept = [(name, value) for name, value in Form(self.text(path), action).values if name not in changed]
        filled = [(name, value) for name, value in changed.items() if value is not None]
        return self.post(action or path, [*kept, *filled])

    def post(
        self, path: str, values: list[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        return self._session.post(self.url + path, data=values, headers=dict(headers or {}), timeout=30)
