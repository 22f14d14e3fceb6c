"""No secret leaves the process, however it is spelled and whichever way it goes."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from urllib.parse import quote, quote_plus, urlencode

import click
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sync_pipeline import redactor
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.marketo.login import Token
from sync_pipeline.connectors.salesforce.login import Session
from sync_pipeline.lake import LakeError
from sync_pipeline.settings import Settings

SECRET = "kJ8'x&\"<ü/+=\\ %q"


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    redactor.keep(SECRET)
    before = logging.getLogRecordFactory(), sys.excepthook
    yield
    logging.setLogRecordFactory(before[0])
    sys.excepthook = before[1]


SPELLINGS: list[Callable[[str], str]] = [
    str,
    repr,
    json.dumps,
    lambda s: json.dumps(s, ensure_ascii=False),
    quote,
    lambda s: quote(s, safe=""),
    quote_plus,
    lambda s: urlencode({"password": s}),
    lambda s: quote(s, safe="").lower() if s.islower() else quote(s, safe=""),
    html.escape,
    lambda s: s.replace("'", "''"),
    lambda s: "password='" + s.replace("\\", "\\\\").replace("'", "\\'") + "'",
    lambda s: "Basic " + base64.b64encode(f"client:{s}".encode()).decode(),
    lambda s: base64.b64encode(f"ab{s}".encode()).decode(),
    lambda s: base64.b64encode(f"abc{s}x".encode()).decode(),
    lambda s: f"postgresql://sync:{quote(s, safe='')}@127.0.0.1/lake",
]


def holds(text: str, secret: str) -> bool:
    return any(part in text for part in (secret, secret[2:10], quote(secret, safe="")[4:20]))


@pytest.mark.parametrize("number", range(len(SPELLINGS)))
def test_every_spelling_of_a_secret_is_cut_out(number: int) -> None:
    spelled = SPELLINGS[number](SECRET)
    told = redactor.clean(f"before {spelled} after")
    assert redactor.MASK in told
    assert not holds(told, SECRET)
    assert told.startswith("before")
    assert told.endswith("after")


ANY = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=40)


@given(ANY, st.sampled_from(SPELLINGS))
def test_any_secret_is_cut_out_in_any_spelling(secret: str, spell: Callable[[str], str]) -> None:
    redactor.keep(secret)
    assert secret not in redactor.clean(f"<{spell(secret)}>")


@given(ANY, st.lists(st.sampled_from(SPELLINGS[:12]), min_size=2, max_size=3))
def test_a_spelling_inside_of_a_spelling_is_cut_out_too(secret: str, spell: list[Callable[[str], str]]) -> None:
    redactor.keep(secret)
    text = secret
    for one in spell:
        text = one(text)
    assert redactor.MASK in redactor.clean(f"<{text}>")
    assert redactor.clean(text).count(secret[1:-1]) == 0


def test_a_key_of_several_lines_is_cut_out_line_by_line() -> None:
    lines = ["-----BEGIN KEY-----", "MIIEvQIBADANBgkqhkiG9w0", "BAQEFAASCBKcwggSjAgEAAo", "-----END KEY-----"]
    redactor.keep("\n".join(lines))
    assert redactor.clean(f"bad line: {lines[2]}") == "bad line: ***"


def test_short_secrets_are_cut_out_as_words_and_plain_text_stays() -> None:
    redactor.keep("mule", "no")
    assert redactor.clean("a mule, two mules, no horse") == "a ***, two mules, no horse"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://x.example/rest?access_token=abc:lon&x=1", "https://x.example/rest?access_token=***&x=1"),
        ('{"access_token": "abc", "x": 1}', '{"access_token": "***", "x": 1}'),
        ("Authorization: Bearer 00D!AQcAQH0d.Mk", "Authorization: Bearer ***"),
        ("host=h password='a b' user=u", "host=h password=*** user=u"),
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("at https://u:p@ss@h/d, x@y", "at https://u:***@h/d, x@y"),
        ("Authorization: Bearer … is needed", "Authorization: Bearer … is needed"),
        ("the password is wrong", "the password is wrong"),
    ],
)
def test_what_is_spelled_as_a_secret_is_cut_out_though_nobody_told_of_it(text: str, safe: str) -> None:
    assert redactor.clean(text) == safe


def failure() -> BaseException:
    try:
        try:
            raise requests.ConnectionError(ConnectionError(f"Max retries exceeded with url: /x?access_token={SECRET}"))
        except requests.ConnectionError:
            raise OSError(5, f"cannot write {SECRET}")  # noqa: B904
    except OSError as inner:
        error = ExceptionGroup(f"several {SECRET}", [ValueError(SECRET)])
        error.__cause__ = inner
        error.add_note(f"while {SECRET}")
        return error


def by_print() -> None:
    print("said", SECRET)


def by_click() -> None:
    click.echo(f"said {SECRET}")
    click.echo(f"said {SECRET}", err=True)
    click.ClickException(SECRET).show()


def by_rich() -> None:
    Console(soft_wrap=True).print(f"said {SECRET}", markup=False)


def by_log() -> None:
    logging.getLogger("a.b").error("said %s", SECRET)
    logging.getLogger("a.b").error("failed", exc_info=failure())


def by_excepthook() -> None:
    error = failure()
    sys.excepthook(type(error), error, error.__traceback__)


def by_thread() -> None:
    def work() -> None:
        raise failure()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def by_lines() -> None:
    sys.stdout.writelines(["one", SECRET])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("way", [by_print, by_click, by_rich, by_log, by_excepthook, by_thread, by_lines])
def test_no_way_out_shows_it(way: Callable[[], None]) -> None:
    out = io.StringIO()
    logging.getLogger("a.b").addHandler(written := logging.StreamHandler(out))
    hook, threading.excepthook = threading.excepthook, threading.__excepthook__
    try:
        with redirect_stdout(out), redirect_stderr(out):
            redactor.install()
            redactor.install()
            way()
    finally:
        threading.excepthook = hook
        logging.getLogger("a.b").removeHandler(written)
    assert redactor.MASK in out.getvalue()
    assert not holds(out.getvalue(), SECRET)


def test_the_errors_of_ours_and_all_that_they_came_of_hold_none() -> None:
    for made in (LakeError(f"x {SECRET}"), ConnectorError(SECRET, f"x {SECRET}")):
        assert not holds(f"{made} {made!r} {vars(made)}", SECRET)
    with pytest.raises(RuntimeError, match="several") as caught, redactor.cleaned():
        raise failure()
    assert not holds(f"{caught.value} {caught.value.__cause__}", SECRET)
    error = failure().__cause__
    assert error
    redactor.clean_exception(error)
    found: BaseException | None = error
    while found:
        assert not holds(f"{found} {found!r} {getattr(found, '__notes__', '')}", SECRET)
        found = found.__cause__ or found.__context__


def test_settings_and_logins_tell_of_their_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-store-1")
    Settings(
        salesforce_client_secret="of-the-app-1",
        salesforce_password="of-the-user-1",
        marketo_client_secret="of-the-service-1",
        http_token="of-the-door-1-1-1-1",
        lake_catalog="postgres:host=h password='of the \\'catalog\\' 1' user=u",
        lake_data="s3://bucket/x?s3_secret_access_key=of-the-bucket-1",
        marketo_url="https://me:of-the-proxy-1@x.example",
    )
    Session("of-the-session-1", "https://x.example")
    Token("of-the-token-1")
    secrets = [
        "of-the-store-1", "of-the-app-1", "of-the-user-1", "of-the-service-1", "of-the-door-1-1-1-1",
        "of the 'catalog' 1", "of-the-bucket-1", "of-the-proxy-1", "of-the-session-1", "of-the-token-1",
    ]  # fmt: skip
    assert redactor.clean(" ".join(secrets)) == " ".join(["***"] * len(secrets))


def test_what_is_kept_is_bounded_and_tokens_push_out_no_secret_of_the_settings() -> None:
    for number in range(redactor.MOST_TOKENS + 5):
        redactor.keep_token(f"token-of-an-hour-{number}-")
    assert len(redactor._tokens) == redactor.MOST_TOKENS
    assert redactor.clean(f"{SECRET} token-of-an-hour-{number}-") == "*** ***"


def test_every_secret_setting_is_a_secret_type() -> None:
    """A setting that is called like a secret is one."""
    words = ("secret", "password", "token")
    for name, field in Settings.model_fields.items():
        if name.endswith(words):
            assert "SecretStr" in str(field.annotation), name
