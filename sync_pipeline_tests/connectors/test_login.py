"""Every way to log in, against the sandbox, and what a refused login tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_pipeline.assembly import systems
from sync_pipeline.connectors.errors import FatalError, QuotaError, RetryableError
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials, Session, refused
from sync_pipeline.sandbox import Sandbox
from sync_pipeline.settings import Settings
from sync_pipeline_tests.connectors.conftest import Connect, app_credentials

PEM = serialization.Encoding.PEM


@pytest.fixture
def person(sandbox: Sandbox) -> dict[str, str]:
    env = sandbox.env()
    return {
        "login_url": sandbox.url,
        "username": env["SALESFORCE_USERNAME"],
        "password": env["SALESFORCE_PASSWORD"],
        "security_token": env["SALESFORCE_SECURITY_TOKEN"],
    }


@pytest.fixture
def key_file(sandbox: Sandbox, tmp_path: Path) -> Path:
    """Give a new private key whose public half the org knows."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    sandbox.sessions.public_keys[sandbox.env()["SALESFORCE_CLIENT_ID"]] = public.decode()
    file = tmp_path / "key.pem"
    file.write_bytes(
        key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return file


def works(connector: Salesforce, sandbox: Sandbox) -> bool:
    return connector.organization_id() == sandbox.sessions.organization_id and "Lead" in connector.names()


def test_client_credentials(connect: Connect, sandbox: Sandbox) -> None:
    assert works(connect(), sandbox)


def test_username_password_and_security_token_by_soap(
    connect: Connect, sandbox: Sandbox, person: dict[str, str]
) -> None:
    """CONN-10."""
    assert works(connect(person), sandbox)
    assert sandbox.log.count("/services/Soap/*", "POST") == 1


def test_refresh_token(connect: Connect, sandbox: Sandbox) -> None:
    """CONN-10."""
    token = sandbox.sessions.refresh_token(sandbox.org.user_id)
    assert works(connect({**app_credentials(sandbox), "refresh_token": token}), sandbox)


def test_jwt_bearer(connect: Connect, sandbox: Sandbox, person: dict[str, str], key_file: Path) -> None:
    given = {**app_credentials(sandbox), "username": person["username"], "private_key_file": str(key_file)}
    assert works(connect(given), sandbox)
    del given["client_secret"]
    assert works(connect(given), sandbox)


@pytest.mark.parametrize("wrong", ["password", "client_secret", "refresh_token"])
def test_a_refused_login_names_the_address_and_no_secret(
    connect: Connect, sandbox: Sandbox, person: dict[str, str], wrong: str
) -> None:
    given = person if wrong == "password" else app_credentials(sandbox)
    with pytest.raises(FatalError, match=rf"the login at {sandbox.url} was refused: [\w ]+") as refused:
        connect({**given, wrong: "s3cret-but-wrong"}).organization_id()
    secrets = ["s3cret", given.get("client_secret", "s3cret"), given.get("security_token", "s3cret")]
    assert not any(secret in str(refused.value) for secret in secrets)


def test_an_org_that_is_closed_to_programs_says_so_in_plain_words(connect: Connect, sandbox: Sandbox) -> None:
    """CONN-1: Salesforce's own text names neither the edition nor the permission; so does the fault of a SOAP login."""
    code, said = "API_DISABLED_FOR_ORG", "API is not enabled for this Organization"
    plain = r"not enabled.*Enterprise and Unlimited have it.* the permission API Enabled"
    sandbox.faults.add("error", path="*/userinfo", times=None, status=403, code=code, message=said)
    with pytest.raises(FatalError, match=plain):
        connect().organization_id()
    assert re.search(plain, str(refused(Credentials(sandbox.url), code, said)))


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({}, "login.salesforce.com"),
        ({"salesforce_sandbox": "true"}, "test.salesforce.com"),
        ({"salesforce_sandbox": "true", "salesforce_login_url": "https://a.my.salesforce.com"}, "a.my.salesforce.com"),
    ],
)
def test_a_sandbox_logs_in_elsewhere(given: dict[str, str], host: str) -> None:
    """CONN-12: the org's own address is right for either."""
    settings = Settings(_env_file=None, **given)  # type: ignore[arg-type]
    assert systems.credentials(settings).login_url == f"https://{host}"


def test_a_private_key_file_that_is_not_there_is_named(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    given = {**app_credentials(sandbox), "username": "x", "private_key_file": str(tmp_path / "absent.pem")}
    with pytest.raises(FatalError, match=r"absent\.pem"):
        connect(given).organization_id()


def test_a_private_key_file_that_holds_no_key_is_named(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no key", "utf-8")
    given = {**app_credentials(sandbox), "username": "x", "private_key_file": str(tmp_path / "empty.pem")}
    with pytest.raises(FatalError, match=r"empty\.pem"):
        connect(given).organization_id()


def test_credentials_that_are_not_enough_say_what_is_missing(connect: Connect, sandbox: Sandbox) -> None:
    with pytest.raises(FatalError, match="no credentials"):
        connect({"login_url": sandbox.url}).organization_id()


def test_secrets_never_show() -> None:
    secrets = dict.fromkeys(("client_secret", "password", "security_token", "refresh_token"), "s3cret")
    shown = Credentials("https://login.salesforce.com", username="ann", **secrets)
    assert "s3cret" not in f"{shown!r} {shown} {Session('s3cret', 'https://x')!r}"
    assert "ann" in repr(shown)


@pytest.mark.parametrize("url", ["http://login.salesforce.com", "http://10.0.0.1:8080", "ftp://127.0.0.1"])
def test_plain_http_is_refused_off_this_machine(url: str) -> None:
    with pytest.raises(FatalError, match=f"{url} is refused"):
        Salesforce(Credentials(url))


def test_an_expired_session_is_renewed_once(connector: Salesforce, sandbox: Sandbox) -> None:
    connector.names()
    sandbox.faults.add("expire")
    assert "Lead" in connector.names()
    assert sandbox.log.count("*/oauth2/token") == 2
    sandbox.faults.add("expire", path="*/sobjects", times=None)
    with pytest.raises(FatalError, match="INVALID_SESSION_ID"):
        connector.names()


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_a_while(connector: Salesforce, sandbox: Sandbox, status: int) -> None:
    sandbox.faults.add("status", status=status, times=3, path="*/sobjects")
    assert "Lead" in connector.names()
    assert sandbox.log.count("*/sobjects") == 4


def test_a_server_that_stays_busy_is_given_up_as_retryable(connector: Salesforce, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", status=503, times=None, path="*/sobjects")
    with pytest.raises(RetryableError, match="SERVER_UNAVAILABLE"):
        connector.names()


def test_a_used_up_quota_is_not_retried(connector: Salesforce, sandbox: Sandbox) -> None:
    connector.organization_id()
    sandbox.faults.add("quota", calls=0)
    with pytest.raises(QuotaError, match="REQUEST_LIMIT_EXCEEDED"):
        connector.names()
    assert sandbox.log.count("*/sobjects") == 1


def test_the_reserve_is_left_to_others(connect: Connect, sandbox: Sandbox) -> None:
    """LIM-4, LIM-5."""
    connector = connect(reserve=0.1)
    connector.names()
    sandbox.sessions.allowed, sandbox.sessions.used = 1_000, 899
    connector.names()
    asked = sandbox.log.count()
    with pytest.raises(QuotaError, match="900 of the day's 1000 API calls"):
        connector.names()
    assert sandbox.log.count() == asked
    assert connector.quota() == (900, 1_000)


def test_a_server_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    sandbox.close()
    nobody = Salesforce(Credentials(sandbox.url, client_id="x", client_secret="y"), first_wait=0.001)
    with pytest.raises(RetryableError, match=sandbox.url.removeprefix("http://")):
        nobody.names()
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=1)


def test_an_answer_that_is_no_login_is_asked_for_again(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.add("error", status=500, path="*/oauth2/token")
    assert works(connect(), sandbox)
    sandbox.faults.add("error", status=500, path="*/oauth2/token", times=None)
    with pytest.raises(RetryableError, match=r"HTTP_500: POST /services/oauth2/token got .* not an answer to a login"):
        connect().organization_id()
