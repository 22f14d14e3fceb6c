"""What people and records are called from outside: one plain value, or a refusal; and which addresses are the same."""

from __future__ import annotations

import unicodedata

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_pipeline.identifiers import (
    BLANKS,
    CrmId,
    EmailAddress,
    IdentifierError,
    MarketoId,
    address_key,
    address_sql,
    identifier,
    is_same,
    plain_text,
)
from sync_pipeline.model import id18
from sync_pipeline_tests import hostile

# Signs that Python knows: DuckDB may know newer ones, of which no address that comes from outside is made.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cn", "Cs")), max_size=20)
EDGES = st.text(st.sampled_from(BLANKS), max_size=3)
NAMES = st.from_regex(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,20}@[a-z0-9-]{1,9}(\.[a-z]{2,8}){1,2}", fullmatch=True)
SHORT_IDS = st.from_regex(r"[A-Za-z][A-Za-z0-9]{14}", fullmatch=True)


def in_sql(texts: list[str]) -> list[str | None]:
    con = duckdb.connect()
    con.register("given", pa.table({"n": range(len(texts)), "text": pa.array(texts, pa.string())}))
    return [key for (key,) in con.execute(f"select {address_sql('text')} from given order by n").fetchall()]


def test_every_sign_is_compared_alike_in_python_and_in_sql() -> None:
    """DEDUP-8, MERGE-12: alone, and among letters, where forms of a letter depend on its neighbours."""
    signs = [sign for sign in map(chr, range(1, 0x110000)) if unicodedata.category(sign) not in ("Cn", "Cs")]
    texts = [text for sign in signs for text in (sign, f"A{sign}", f"{sign}\u0301B")]
    assert in_sql(texts) == [address_key(text) for text in texts]


@given(st.lists(TEXT, max_size=50))
@example(["\u03a3\u03a3", "\u0130@X", "E\u0301@x", "\u00c9@x", "\u212b", " ", "\u200b\ufeff"])
def test_addresses_are_compared_alike_in_python_and_in_sql(texts: list[str]) -> None:
    """DEDUP-8, MERGE-12."""
    assert in_sql(texts) == [address_key(text) for text in texts]


@given(TEXT, EDGES, EDGES)
def test_one_address_is_one_whatever_its_case_its_form_and_the_blanks_around_it(
    text: str, before: str, after: str
) -> None:
    key = address_key(text)
    assert address_key(before + text + after) == key
    assert address_key(unicodedata.normalize("NFD", text)) == key
    assert address_key(key) == key
    if "\u0130" not in text and "\u03a3" not in text:  # whose upper or lower case depends on language or place
        assert address_key(text.lower()) == key


@pytest.mark.parametrize("text", hostile.TEXTS.values(), ids=hostile.TEXTS)
def test_what_is_not_one_plain_address_or_id_is_refused(text: str) -> None:
    for parse in (identifier, EmailAddress, MarketoId, CrmId):
        with pytest.raises(IdentifierError):
            parse(text)


@pytest.mark.parametrize("value", hostile.VALUES.values(), ids=hostile.VALUES)
def test_what_is_no_text_is_refused(value: object) -> None:
    for parse in (identifier, EmailAddress, MarketoId, CrmId):
        with pytest.raises(IdentifierError):
            parse(value)


@given(st.one_of(TEXT, st.sampled_from(list(hostile.TEXTS.values()))))
def test_a_text_names_one_record_or_none(text: str) -> None:
    """What is accepted holds no sign that any system takes for an end, and reads the same when it is read again."""
    try:
        one = identifier(text)
    except IdentifierError:
        return
    assert not set(one) & set(BLANKS + ',;<>()[]"\\:\0')
    assert one.isprintable()
    assert (identifier(one), type(identifier(str(one)))) == (one, type(one))
    assert is_same(one, text) or isinstance(one, CrmId)


@given(NAMES, EDGES, EDGES)
@example("o'neil+tag%x@x.example", "", "\u202a")
def test_a_plain_address_is_taken_as_it_is_written(text: str, before: str, after: str) -> None:
    one = identifier(before + text + after)
    assert (one, type(one)) == (text, EmailAddress)
    assert is_same(one, text.upper())
    assert not is_same(one, f"x{text}")
    assert not is_same(one, None)


@pytest.mark.parametrize(
    "text", ["\u043c\u0438\u0440@\u043f\u0440\u0438\u043c\u0435\u0440.example", "\u0430da@x.example"]
)
def test_an_address_of_other_letters_is_another_address(text: str) -> None:
    """A look-alike is one address too, and never the one it looks like."""
    assert not is_same(EmailAddress(text), hostile.ADDRESS)


@given(st.sampled_from(["ada@x.example", "K-7 b", "company/12"]), EDGES, EDGES)
def test_a_key_is_any_text_without_the_blanks_around_it(key: str, before: str, after: str) -> None:
    assert plain_text(before + key + after) == key


@pytest.mark.parametrize("sign", ["\0", "\n", "\x1b", "\ud83d"], ids=ascii)
def test_a_key_holds_no_sign_that_no_text_has(sign: str) -> None:
    with pytest.raises(IdentifierError, match="control characters"):
        plain_text(f"a{sign}b")


@given(st.integers(1, 2**31 - 1))
def test_a_number_is_an_id_of_marketo(number: int) -> None:
    assert (identifier(number), identifier(f" {number}\t")) == (str(number), str(number))
    assert isinstance(identifier(number), MarketoId)


@given(SHORT_IDS)
def test_an_id_of_the_crm_has_one_form(short: str) -> None:
    """GEN-19: short and long are the same."""
    long = id18(short)
    for form in (short, long, f" {long}\n"):
        assert (identifier(form), type(identifier(form))) == (long, CrmId)
    assert is_same(CrmId(short), short)
    assert is_same(CrmId(short), long)


@given(SHORT_IDS, st.integers(0, 14))
def test_an_id_whose_checksum_does_not_fit_is_refused(short: str, place: int) -> None:
    """GEN-19: a letter in the wrong case would name another record."""
    other = short[:place] + short[place].swapcase() + short[place + 1 :]
    if other != short:
        with pytest.raises(IdentifierError):
            CrmId(other + id18(short)[15:])


def test_an_id_of_another_object_is_refused() -> None:
    assert CrmId("001000000000001AAA", ("001",)) == "001000000000001AAA"
    with pytest.raises(IdentifierError, match="begins with 003"):
        CrmId("003000000000001AAA", ("001", "00Q"))
