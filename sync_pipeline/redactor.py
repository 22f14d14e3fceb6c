"""The one redactor: every secret that this process knows is cut out of everything that leaves it.

`keep` tells it of a secret, as settings do when they are read and logins do when they get a token. `clean` cuts all of
them, however they are spelled, out of a text. `install` puts it over standard output, standard error, the log and
uncaught exceptions; the errors of lake and connectors and the messages of the ledger are cleaned where they are made.
"""

from __future__ import annotations

import base64
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Any, TextIO, cast
from urllib.parse import unquote

MASK = "***"
# Shorter ones stand in half of all words; those below `WHOLE` are only cut out where they are a word of their own.
SHORTEST, WHOLE = 4, 8

# Passwords and tokens that are spelled as such, whether or not they are known.
_SPELLED = re.compile(
    r"(?P<url>://[^\s/:@'\"]*:)[^\s/'\"]+(?=@)"
    r"|(?P<name>\b(?:password|passfile_password|access_token|refresh_token|client_secret|code_verifier|assertion|sid"
    r"|secret|secret_access_key|session_token)(?:=|%3D|\"\s*:\s*\"|'\s*:\s*'))"
    r"(?:'(?:[^'\\]|\\.|'')*'|(?!\*\*\*)[^\s\"'&,;<>)]+)"
    r"|(?P<scheme>\b(?:Bearer|Basic|OAuth)\s+)[A-Za-z0-9!._~+/=:-]{8,}",
    re.IGNORECASE,
)
_WORDS = ("://", "password", "token", "secret", "verifier", "assertion", "sid", "bearer", "basic", "oauth")
_PASSWORD_WORD = re.compile(r"\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)+))", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"://[^\s/:@]*:([^\s/]+)@")

# What no spelling changes, its longest run of letters and digits, and the pattern: the first is looked for much faster.
_Patterns = tuple[tuple[str, re.Pattern[str]], ...]
# The newest of each kind: a process that runs for months gets a token an hour.
MOST, MOST_TOKENS = 300, 50
_kept: dict[str, _Patterns] = {}
_tokens: dict[str, _Patterns] = {}
_known: _Patterns = ()
_lock = threading.Lock()


def keep(*secrets: str | None) -> None:
    """Cut these out of everything from now on; one shorter than four signs cannot be told from other text."""
    _keep(_kept, MOST, secrets)


def keep_token(*tokens: str | None) -> None:
    """Cut out tokens that are valid for hours; of these only the newest."""
    _keep(_tokens, MOST_TOKENS, tokens)


def _keep(kept: dict[str, _Patterns], most: int, secrets: Iterable[str | None]) -> None:
    global _known
    parts = {part for secret in secrets for part in _parts(secret or "")}
    with _lock:
        if parts <= kept.keys():
            return
        for part in parts:
            kept[part] = kept.pop(part) if part in kept else tuple(_spellings(part))
        while len(kept) > most:
            kept.pop(next(iter(kept)))
        longest_first = sorted({**_kept, **_tokens}.items(), key=lambda one: (-len(one[0]), one[0]))
        _known = tuple(pair for _, patterns in longest_first for pair in patterns)


@contextmanager
def forgetting() -> Iterator[None]:
    """Forget, at the block's end, the secrets that it told of: for tests, which share a process and no secrets."""
    global _known
    kept, tokens, known = dict(_kept), dict(_tokens), _known
    try:
        yield
    finally:
        with _lock:
            for now, before in ((_kept, kept), (_tokens, tokens)):
                now.clear()
                now.update(before)
            _known = known


def clean(text: str) -> str:
    """Return a text without any secret in it."""
    for run, pattern in _known:
        if run in text:
            text = pattern.sub(MASK, text)
    lower = text.lower()
    if any(word in lower for word in _WORDS):
        text = _SPELLED.sub(lambda found: f"{found['url'] or found['name'] or found['scheme']}{MASK}", text)
    return text


def passwords(address: str) -> Iterator[str]:
    """Yield the passwords in an address: a URL, or the words of a PostgreSQL connection."""
    for quoted, bare in _PASSWORD_WORD.findall(address):
        yield re.sub(r"\\(.)", r"\1", quoted or bare)
    for found in _PASSWORD_IN_URL.findall(address):
        yield from (found, unquote(found))


def without_passwords(address: str) -> str:
    """Return an address without its passwords, which still names the same place."""
    return _PASSWORD_IN_URL.sub(lambda found: found[0].replace(f":{found[1]}@", "@"), _PASSWORD_WORD.sub("", address))


def clean_exception(error: BaseException) -> None:
    """Cut the secrets out of an exception, in place, and out of all that it came of."""
    for found in _chain(error):
        found.args = tuple(clean(part) if isinstance(part, str) else part for part in found.args)
        for name, value in list(vars(found).items()):
            if isinstance(value, str):
                setattr(found, name, clean(value))
        if notes := getattr(found, "__notes__", None):
            found.__notes__ = [clean(str(note)) for note in notes]
        if isinstance(found, OSError):
            found.strerror = clean(found.strerror) if found.strerror else found.strerror


@contextmanager
def cleaned() -> Iterator[None]:
    """Clean whatever exception leaves the block."""
    try:
        yield
    except BaseException as error:
        clean_exception(error)
        if any(clean(str(one)) != str(one) for one in _chain(error)):  # its text cannot be changed (a group's)
            raise RuntimeError(clean(f"{type(error).__name__}: {error}")) from None
        raise


def install() -> None:
    """Put the redactor over what this process prints, logs and dies of; to do so twice changes nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Stream):
            setattr(sys, name, _Stream(stream))
    if not isinstance(logging.getLogRecordFactory(), _Records):
        logging.setLogRecordFactory(_Records(logging.getLogRecordFactory()))
    sys.excepthook = _report


def revealed(stream: TextIO) -> TextIO:
    """Return the stream below the redactor, for a command whose purpose is to print a secret."""
    return stream.stream if isinstance(stream, _Stream) else stream


class _Stream:
    """A text stream that writes nothing secret."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(clean(text) if isinstance(text, str) else text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Records:
    """Makes log records whose text and traceback hold nothing secret."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **named: Any) -> logging.LogRecord:
        record = cast(logging.LogRecord, self._make(*args, **named))
        try:
            said = record.getMessage()
        except Exception:  # the log tells of it where it is written
            return record
        if (safe := clean(said)) != said:
            record.msg, record.args = safe, ()
        if record.exc_info and record.exc_info[1]:
            clean_exception(record.exc_info[1])
            record.exc_text = clean("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        return record


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(clean("".join(traceback.format_exception(kind, error, trace))))


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and all that it came of, each once."""
    waiting, found = [error], list[BaseException]()
    while waiting:
        one = waiting.pop()
        if any(one is other for other in found):
            continue
        found.append(one)
        inner = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        others = (one.__cause__, one.__context__, *inner, *one.args)
        waiting += [other for other in others if isinstance(other, BaseException)]
    return found


def _parts(secret: str) -> Iterator[str]:
    """Yield a secret, and the lines of one that has several: they may be printed one by one."""
    for part in {secret, secret.strip(), *(secret.splitlines() if "\n" in secret else ())}:
        if len(part.strip()) >= SHORTEST and not part.startswith("-----"):
            yield part


def _spellings(secret: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield patterns of a secret: as itself, and inside of base64, where the same bytes are spelled in three ways."""
    pattern = "".join(map(_sign, secret))
    yield _run(secret), re.compile(pattern if len(secret) >= WHOLE else rf"(?<![^\W_]){pattern}(?![^\W_])")
    size = len(secret.encode("utf-8", "surrogatepass"))
    for before in range(3):
        spelled = base64.b64encode(b"x" * before + secret.encode("utf-8", "surrogatepass")).decode().rstrip("=")
        sure = spelled[(0, 2, 3)[before] : len(spelled) - (1 if (before + size) % 3 else 0)]
        if len(sure) >= WHOLE:
            for text in {sure, sure.replace("+", "-").replace("/", "_")}:
                yield _run(text), re.compile("".join(map(_sign, text)))


def _run(text: str) -> str:
    return max(re.findall("[A-Za-z0-9]+", text), key=len, default="")


@cache
def _sign(sign: str) -> str:
    """Return a pattern of one sign, in every spelling that URLs, JSON, XML, SQL and connection strings have for it.

    A text that is quoted may be part of one that is quoted again, in any mixture, so each has its own repetition.
    """
    if sign.isascii() and sign.isalnum():
        return sign
    number = ord(sign)
    in_utf8 = sign.encode("utf-8", "surrogatepass")
    in_utf16 = sign.encode("utf-16-be", "surrogatepass")
    names = "".join(f"|{name}" for name in _ENTITIES.get(sign, ()))
    ways = [
        rf"{_BACKSLASH}*{re.escape(sign)}",
        f"{_BACKSLASH}*" + "".join(f"%(?:25)*{_hex(f'{byte:02x}')}" for byte in in_utf8),
        "".join(rf"{_BACKSLASH}+x{_hex(f'{byte:02x}')}" for byte in in_utf8),
        rf"{_BACKSLASH}+x{_hex(f'{number:02x}')}",
        "".join(rf"{_BACKSLASH}+u{_hex(in_utf16[at : at + 2].hex())}" for at in range(0, len(in_utf16), 2)),
        rf"{_AND}(?:(?:#|%(?:25)*23)(?:0*{number}|[xX]0*{_hex(f'{number:x}')}){names}){_END}",
        *(rf"{_BACKSLASH}+{other}" for other in _ESCAPES.get(sign, "")),
        *{
            " ": [r"\+"],
            "\\": [f"{_BACKSLASH}+"],
            "'": [f"(?:{_BACKSLASH}*(?:'|%(?:25)*27))+"],
            "&": [f"{_AND}"],
        }.get(sign, []),
    ]
    return f"(?:{'|'.join(reversed(ways))})"  # the longest first


def _hex(digits: str) -> str:
    """Return a pattern of hexadecimal digits in either case."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


_BACKSLASH = r"(?:\\|%(?:25)*5[cC])"
_END = "(?:;|%(?:25)*3[bB])"
_AND = rf"(?:&|%(?:25)*26)(?:amp{_END})*"
_ENTITIES = {"&": ("amp",), "<": ("lt",), ">": ("gt",), '"': ("quot",), "'": ("apos",)}
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
