"""Record ids as Salesforce gives them: key prefix, instance, reserved digit, a base-62 number, a case suffix.

Ids of one object sort (by bytes) in the order of their numbers, so a scan by id needs no index.
"""

from __future__ import annotations

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
INSTANCE = "5g"  # names the server group in a real org; one value serves all of ours
DIGITS = 9
SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"  # each letter tells which of five characters are upper case


def id18(record_id: str) -> str:
    """Return the 18-character form of an id (GEN-19).

    Raises:
        ValueError: it has neither 15 nor 18 characters.
    """
    if len(record_id) == 18:
        return record_id
    if len(record_id) != 15:
        raise ValueError("an id has 15 or 18 characters")
    capitals = (sum(1 << i for i, sign in enumerate(record_id[at : at + 5]) if "A" <= sign <= "Z") for at in (0, 5, 10))
    return record_id + "".join(SUFFIX[found] for found in capitals)


def record_id(prefix: str, number: int) -> str:
    """Return the 18-character id of the `number`-th record of the object with this key prefix."""
    body = "".join(BASE62[number // 62**power % 62] for power in reversed(range(DIGITS)))
    return id18(f"{prefix}{INSTANCE}0{body}")


def record_id_sql(prefix: str, number: str) -> str:
    """Return a DuckDB expression equal to `record_id(prefix, number)`; `number` must be a pure integer expression.

    Each digit and each suffix letter is arithmetic on the number, so that millions of ids are made at vector speed.
    """
    digits = [f"(({number}) // {62**power} % 62)::int" for power in reversed(range(DIGITS))]
    body = " || ".join(f"substr('{BASE62}', {digit} + 1, 1)" for digit in digits)
    first_suffix = id18(f"{prefix}{INSTANCE}" + "0" * 10)[15]  # the first five characters never change
    # The second five are the reserved digit and four of the body, the last five the rest.
    second = _suffix_sql([None, *digits[:4]])
    third = _suffix_sql([*digits[4:]])
    return f"('{prefix}{INSTANCE}0' || {body} || '{first_suffix}' || {second} || {third})"


def _suffix_sql(digits: list[str | None]) -> str:
    """Return the suffix letter of five characters, each the value of a base-62 digit, None for a constant '0'."""
    bits = [f"(case when {d} between 10 and 35 then {1 << i} else 0 end)" for i, d in enumerate(digits) if d]
    return f"substr('{SUFFIX}', {' + '.join(bits)} + 1, 1)"
