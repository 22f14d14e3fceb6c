from __future__ import annotations

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.salesforce.sessions import LIFETIME
from sync_pipeline_tests.sandbox.conftest import Client, Clock, log_in, shared


@pytest.fixture
def form(sandbox: Sandbox) -> dict[str, str]:
    env = sandbox.env()
    return {"client_id": env["SALESFORCE_CLIENT_ID"], "client_secret": env["SALESFORCE_CLIENT_SECRET"]}


def token(sandbox: Sandbox, form: dict[str, str], **more: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/services/oauth2/token", data=form | more, timeout=30)


def works(sandbox: Sandbox, answer: requests.Response) -> bool:
    body = answer.json()
    assert body["instance_url"] == sandbox.url
    return Client(sandbox, body["access_token"]).get("sobjects").status_code == 200


def test_client_credentials(sandbox: Sandbox, form: dict[str, str]) -> None:
    assert works(sandbox, token(sandbox, form, grant_type="client_credentials"))


def test_client_credentials_by_basic_authorization(sandbox: Sandbox, form: dict[str, str]) -> None:
    answer = requests.post(
        f"{sandbox.url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(form["client_id"], form["client_secret"]),
        timeout=30,
    )
    assert works(sandbox, answer)


@pytest.mark.parametrize("with_token", [True, False])
def test_password_with_and_without_security_token(sandbox: Sandbox, form: dict[str, str], with_token: bool) -> None:
    env = sandbox.env()
    password = env["SALESFORCE_PASSWORD"] + (env["SALESFORCE_SECURITY_TOKEN"] if with_token else "")
    answer = token(sandbox, form, grant_type="password", username=env["SALESFORCE_USERNAME"], password=password)
    assert works(sandbox, answer)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "x"}, "invalid_client_id"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"password": "x"}, "invalid_grant"),
        ({"username": "x"}, "invalid_grant"),
        ({"grant_type": "x"}, "unsupported_grant_type"),
    ],
)
def test_wrong_credentials_are_denied(
    sandbox: Sandbox, form: dict[str, str], change: dict[str, str], error: str
) -> None:
    env = sandbox.env()
    right = {
        "grant_type": "password",
        "username": env["SALESFORCE_USERNAME"],
        "password": env["SALESFORCE_PASSWORD"],
    }
    answer = token(sandbox, form | right | change)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert env["SALESFORCE_PASSWORD"] not in answer.text


def test_jwt_bearer_needs_the_key_that_the_org_knows(sandbox: Sandbox, form: dict[str, str]) -> None:
    ours, theirs = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    sandbox.sessions.public_keys[form["client_id"]] = (
        ours.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    claims = {
        "iss": form["client_id"],
        "sub": sandbox.env()["SALESFORCE_USERNAME"],
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 180,
    }

    def ask(key: rsa.RSAPrivateKey, **change: object) -> requests.Response:
        assertion = jwt.encode({**claims, **change}, key, algorithm="RS256")
        return token(sandbox, {}, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)

    assert works(sandbox, ask(ours))
    assert ask(theirs).json()["error"] == "invalid_grant"
    assert ask(ours, sub="nobody").json()["error_description"] == "user hasn't approved this consumer"
    assert ask(ours, aud="https://elsewhere.example").json()["error"] == "invalid_grant"
    assert ask(ours, iss="x").json()["error"] == "invalid_client_id"


def test_an_authorization_code_with_pkce_gives_a_refresh_token(sandbox: Sandbox, form: dict[str, str]) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    back = "http://127.0.0.1:1/back"
    ask = {"response_type": "code", "redirect_uri": back, "state": "s", "code_challenge": challenge}

    def code() -> str:
        page = requests.get(
            f"{sandbox.url}/services/oauth2/authorize", params=ask | form, allow_redirects=False, timeout=30
        )
        answer = parse_qs(urlsplit(page.headers["Location"]).query)
        assert answer["state"] == ["s"]
        return answer["code"][0]

    grant = {"grant_type": "authorization_code", "redirect_uri": back}
    assert token(sandbox, form, **grant, code=code(), code_verifier="w").json()["error"] == "invalid_grant"
    once = code()
    answer = token(sandbox, form, **grant, code=once, code_verifier=verifier)
    assert works(sandbox, answer)
    assert token(sandbox, form, **grant, code=once, code_verifier=verifier).status_code == 400
    refresh = answer.json()["refresh_token"]
    assert works(sandbox, token(sandbox, form, grant_type="refresh_token", refresh_token=refresh))
    requests.post(f"{sandbox.url}/services/oauth2/revoke", data={"token": refresh}, timeout=30)
    assert token(sandbox, form, grant_type="refresh_token", refresh_token=refresh).json()["error"] == "invalid_grant"


class TestSoap:
    def login(self, sandbox: Sandbox, password: str, kind: str = "u") -> requests.Response:
        recorded = shared(
            "payloads/salesforce/grouparoo_recorded_sessions/export-contacts__export-records-custom.json"
        )[0]
        body = recorded["body"].replace("demo@grouparoo.com", sandbox.env()["SALESFORCE_USERNAME"])
        body = body.replace("PASSWORD", password)
        return requests.post(f"{sandbox.url}/services/Soap/{kind}/42.0", data=body, timeout=30)

    @pytest.mark.parametrize("kind", ["u", "c"])
    def test_the_recorded_login_gives_a_session(self, sandbox: Sandbox, kind: str) -> None:
        answer = self.login(sandbox, sandbox.env()["SALESFORCE_PASSWORD"], kind)
        session = answer.text.partition("<sessionId>")[2].partition("</sessionId>")[0]
        assert Client(sandbox, session).get("sobjects").status_code == 200
        assert f"<serverUrl>{sandbox.url}/services/Soap/{kind}/42.0/00D" in answer.text

    def test_a_wrong_password_is_a_fault(self, sandbox: Sandbox) -> None:
        answer = self.login(sandbox, "wrong")
        assert answer.status_code == 500
        assert "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>" in answer.text


def test_a_session_ends_by_itself(client: Client, clock: Clock) -> None:
    assert client.get("sobjects").status_code == 200
    clock.pass_seconds(LIFETIME.total_seconds())
    answer = client.get("sobjects")
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_no_session_no_answer(sandbox: Sandbox) -> None:
    assert Client(sandbox, "nonsense").get("limits").status_code == 401


def test_userinfo_names_user_and_organization(client: Client, org: Org) -> None:
    info = client.get("/services/oauth2/userinfo").json()
    assert info["user_id"] == org.user_id
    assert info["organization_id"] == client.values("SELECT Id FROM Organization")[0][0]


def test_the_identity_url_of_a_login_tells_the_same_under_its_own_names(sandbox: Sandbox, org: Org) -> None:
    form = {"grant_type": "client_credentials", "client_id": sandbox.sessions.client_id}
    form |= {"client_secret": sandbox.sessions.client_secret}
    login = requests.post(f"{sandbox.url}/services/oauth2/token", data=form, timeout=30).json()
    client = Client(sandbox, login["access_token"])
    told = client.get(login["id"].removeprefix(sandbox.url)).json()
    assert (told["id"], told["user_id"]) == (login["id"], org.user_id)
    assert (told["username"], told["display_name"]) == ("integration@sandbox.example", "Sync Integration")
    assert told["last_modified_date"] == "2026-05-17T10:00:00.000+0000"
    assert client.get("/id/00D000000000000AAA/005000000000000AAA").status_code == 404


def test_credentials_live_with_the_org(org: Org) -> None:
    with Sandbox(org) as first:
        before = first.env()
    with Sandbox(org) as second:
        after = second.env()
        assert log_in(second).get("sobjects").status_code == 200
    assert {**before, "SALESFORCE_LOGIN_URL": ""} == {**after, "SALESFORCE_LOGIN_URL": ""}
