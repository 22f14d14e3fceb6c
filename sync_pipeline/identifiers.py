"""What a person or record is called from outside: an e-mail address, an id of Marketo, an id of the CRM. Pure.

Each is parsed once, by its type's constructor, into exactly one plain value, or refused: no list, no display name, no
invisible sign. And the one definition of "the same address", in Python and in SQL.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Self

from sync_pipeline.model import id18

LONGEST_ADDRESS = 255  # characters; no system holds more
LARGEST_NUMBER = 2**31 - 1  # Marketo's ids are 32-bit integers
# What is cut off at both ends: blanks of every kind, and signs that nobody sees (soft hyphen, zero-width, direction).
BLANKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\xad\u1680\u180e\u3000\ufeff" + "".join(
    chr(code)
    for first, last in ((0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F))
    for code in range(first, last + 1)
)
_LOCAL_SIGNS = frozenset(".!#$%&'*+-/=?^_`{|}~")  # of RFC 5322's atoms; none separates values, in any system
_NUMBER, _RECORD = re.compile(r"[1-9][0-9]{0,9}"), re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")


class IdentifierError(ValueError):
    """What was given is not one plain address or id; the message says what is wrong and does not repeat it."""


class EmailAddress(str):
    """One e-mail address as it is written: without blanks around it, in Unicode's composed form."""

    __slots__ = ()

    def __new__(cls, given: object) -> Self:
        """Parse it.

        Raises:
            IdentifierError: it is no address, several, or one with a name beside it.
        """
        if isinstance(given, cls):
            return given
        text = unicodedata.normalize("NFC", _text(given, "an e-mail address"))
        if len(text) > LONGEST_ADDRESS:
            raise IdentifierError(f"an e-mail address has at most {LONGEST_ADDRESS} characters")
        local, _, domain = text.rpartition("@")
        if not (_is_made_of(local, _LOCAL_SIGNS) and all(_is_made_of(part, "-_") for part in domain.split("."))):
            raise IdentifierError("this is not one plain e-mail address, such as ada@example.org")
        return super().__new__(cls, text)

    @property
    def key(self) -> str:
        """The form in which it is compared; see `address_key`."""
        return str(address_key(self))


class MarketoId(str):
    """The id of a record in Marketo: a positive whole number, without sign or leading zero."""

    __slots__ = ()

    def __new__(cls, given: object) -> Self:
        """Parse it; an int will do.

        Raises:
            IdentifierError: it is no such number.
        """
        if isinstance(given, cls):
            return given
        is_number = isinstance(given, int) and not isinstance(given, bool)
        text = str(given) if is_number else _text(given, "an id of Marketo")
        if not _NUMBER.fullmatch(text) or int(text) > LARGEST_NUMBER:
            raise IdentifierError("an id of Marketo is a whole number from 1 up, in plain digits")
        return super().__new__(cls, text)


class CrmId(str):
    """The id of a record in the CRM, in its form of 18 characters (GEN-19)."""

    __slots__ = ()

    def __new__(cls, given: object, prefixes: Iterable[str] = ()) -> Self:
        """Parse it, of 15 or 18 characters, whose last three tell whether the case of the letters is right.

        Args:
            prefixes: those of the objects that are meant, as `00Q` for leads; none for any object.

        Raises:
            IdentifierError: it is no such id, its last three characters do not fit, or it is of another object.
        """
        text = given if isinstance(given, cls) else _record_id(_text(given, "an id of the CRM"))
        wanted = tuple(prefixes)
        if wanted and not text.startswith(wanted):
            raise IdentifierError(f"the id begins with {text[:3]}, not with {' or '.join(wanted)}")
        return super().__new__(cls, text)


Identifier = EmailAddress | MarketoId | CrmId


def identifier(given: object) -> Identifier:
    """Return the address or id by which a person or record is called.

    Raises:
        IdentifierError: it is none of them, or more than one.
    """
    kind: Callable[[object], Identifier] = CrmId
    if isinstance(given, str) and "@" in given:
        kind = EmailAddress
    elif isinstance(given, int) or (isinstance(given, str) and _NUMBER.fullmatch(given.strip(BLANKS))):
        kind = MarketoId
    try:
        return kind(given)
    except IdentifierError as error:
        message = "a person or record is called by one id of Marketo or the CRM, or by one e-mail address"
        raise IdentifierError(f"{message}: {error}") from None


def plain_text(given: str) -> str:
    """Return a key that may be any text, as those of Marketo's objects, without blanks around it.

    Raises:
        IdentifierError: it holds signs that no text has. DuckLake's own queries break at some of them.
    """
    text = given.strip(BLANKS)  # a line's end that was copied along is a blank
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise IdentifierError("an address, id or key holds no control characters, and no bytes that are no text")
    return text


def is_same(one: Identifier, other: str | None) -> bool:
    """Tell whether what a system answered is what was asked for."""
    if isinstance(one, EmailAddress):
        return address_key(other) == one.key
    return other is not None and (other == one or (len(other) == 15 and isinstance(one, CrmId) and id18(other) == one))


def address_key(text: str | None) -> str | None:
    """Return the form in which addresses are compared: no blanks around it, lower case, composed; None for none."""
    letters = (("i" if letter == "\u0130" else letter.lower()) for letter in (text or "").strip(BLANKS))
    return unicodedata.normalize("NFC", "".join(letters)) or None


def address_sql(column: str) -> str:
    """Return SQL for `address_key` of a column; null for none."""
    return f"nullif(nfc_normalize(lower(trim({column}, '{BLANKS}'))), '')"


def _text(given: object, wanted: str) -> str:
    if not isinstance(given, str):
        raise IdentifierError(f"{wanted} is a text")
    return given.strip(BLANKS)


def _is_made_of(text: str, signs: Iterable[str]) -> bool:
    """Tell whether a text is of letters, digits, and these signs, and not empty."""
    allowed = frozenset(signs)
    return bool(text) and all(
        sign in allowed or sign.isalnum() or unicodedata.category(sign).startswith("M") for sign in text
    )


def _record_id(text: str) -> str:
    if not _RECORD.fullmatch(text):
        raise IdentifierError("an id of the CRM has 15 or 18 letters and digits")
    if len(text) == 18 and id18(text[:15]) != text:
        raise IdentifierError("the last three characters of this id of the CRM do not fit the others")
    return id18(text)
