"""Who may use the site: the browser and the programs of this machine, not a page from elsewhere in that browser.

A page of another site cannot read ours, but it can make the browser send forms here (CSRF), or give its own name our
address (DNS rebinding). Hence the Host must be this machine's, a write's Origin the same, and a form has a token in it
that only our own pages know.
"""

from __future__ import annotations

from secrets import compare_digest
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

LOOPBACK = ("127.0.0.1", "localhost", "::1")
READS = ("GET", "HEAD")
POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # no-referrer would make the browser send `Origin: null` with our own forms
    "Cache-Control": "no-store",
}


def refusal(request: Request, token: str | None = None) -> str | None:
    """Return why a request is refused, None if it is not; writes must bring the `token`, where there is one."""
    host = request.headers.get("Host", "")
    if _name(host) not in LOOPBACK:
        return "this page is served under a loopback address only"
    if request.method in READS:
        return None
    if request.headers.get("Origin", f"http://{host}") != f"http://{host}":
        return "this form was sent by another page"
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return "this form was sent by another page"
    if token is not None and not compare_digest(request.form.get("token", "").encode(), token.encode()):
        return "this form is from before the sandbox was started; open the page again"
    return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
