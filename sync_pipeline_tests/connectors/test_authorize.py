"""Access that somebody allows in a browser: what comes back, and what does not count as an answer."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from sync_pipeline.connectors.errors import CredentialsError
from sync_pipeline.connectors.salesforce.authorize import allow
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.sandbox import Sandbox
from sync_pipeline_tests.connectors.conftest import Connect, app_credentials


def browser(edit: Callable[[dict[str, str]], dict[str, str]] = lambda asked: asked) -> Callable[[str], None]:
    """Return what opens an address, as changed on its way, and follows where it is sent."""

    def show(url: str) -> None:
        found = urlsplit(url)
        changed = found._replace(query=urlencode(edit(dict(parse_qsl(found.query))))).geturl()
        Thread(target=requests.get, args=(changed,), kwargs={"timeout": 30}, daemon=True).start()

    return show


@pytest.mark.parametrize("has_pkce", [True, False], ids=["external client app", "connected app without PKCE"])
def test_who_allows_access_in_a_browser_logs_in_by_the_refresh_token_from_then_on(
    connect: Connect, sandbox: Sandbox, has_pkce: bool
) -> None:
    """CONN-11: an app that asks for PKCE checks the verifier, one that does not takes no notice; both the secret."""
    asked: dict[str, str] = {}

    def keep(given: dict[str, str]) -> dict[str, str]:
        asked.update(given)
        return given if has_pkce else {k: v for k, v in given.items() if not k.startswith("code_challenge")}

    token = allow(Credentials(**app_credentials(sandbox)), 0, browser(keep))
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert asked["redirect_uri"].startswith("http://localhost:")
    connector = connect({**app_credentials(sandbox), "refresh_token": token})
    assert connector.organization_id() == sandbox.sessions.organization_id


def test_a_code_that_another_asked_for_is_not_exchanged(sandbox: Sandbox) -> None:
    """CONN-11: the challenge of another request, or none of this request's secrets."""
    given = Credentials(**app_credentials(sandbox))
    with pytest.raises(CredentialsError, match="invalid code verifier"):
        allow(given, 0, browser(lambda asked: {**asked, "code_challenge": "another"}))
    with pytest.raises(CredentialsError, match="STATE_DIFFERS"):
        allow(given, 0, browser(lambda asked: {**asked, "state": "another"}))
    wrong = Credentials(**{**app_credentials(sandbox), "client_secret": "s3cret-but-wrong"})
    with pytest.raises(CredentialsError, match="invalid client credentials") as refused:
        allow(wrong, 0, browser())
    assert "s3cret" not in str(refused.value)


def test_who_denies_access_or_never_comes_is_told(sandbox: Sandbox) -> None:
    """CONN-11."""
    given = Credentials(**app_credentials(sandbox))

    def deny(url: str) -> None:
        back = dict(parse_qsl(urlsplit(url).query))["redirect_uri"]
        told = "?error=access_denied&error_description=end-user+denied+authorization"
        Thread(target=requests.get, args=(back + told,), kwargs={"timeout": 30}, daemon=True).start()

    with pytest.raises(CredentialsError, match="access_denied: end-user denied authorization"):
        allow(given, 0, deny)
    with pytest.raises(CredentialsError, match="NOBODY_CAME"):
        allow(given, 0, lambda url: None, patience=0.01)
    with pytest.raises(CredentialsError, match="SALESFORCE_CLIENT_ID"):
        allow(Credentials(sandbox.url), 0, lambda url: None)
