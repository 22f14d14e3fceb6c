"""What is no address and no id, in every form that was thought of: each place where one comes in must refuse it."""

from __future__ import annotations

ADDRESS = "ada@x.example"
OTHER = "bea@x.example"
# Texts that are neither one plain address nor one plain id of either system.
TEXTS = {
    "comma": f"{OTHER},{ADDRESS}",
    "comma and blank": f"{OTHER}, {ADDRESS}",
    "comma at the end": f"{ADDRESS},",
    "semicolon": f"{OTHER};{ADDRESS}",
    "newline": f"{OTHER}\n{ADDRESS}",
    "nul": f"{ADDRESS}\0",
    "blank in the middle": f"{OTHER} {ADDRESS}",
    "no-break space inside": "ada\u00a0lovelace@x.example",
    "zero-width space inside": "a\u200bda@x.example",
    "right-to-left mark inside": "ada@\u202ex.example",
    "soft hyphen inside": "ada@x.exam\u00adple",
    "quotes": "'ada'@x.example' or '1'='1",
    "double quotes": '"ada,bea"@x.example',
    "percent": "%",
    "wildcard": "*@x.example*",
    "percent in the domain": "ada@%",
    "display name": f"Ada <{ADDRESS}>",
    "mailto": f"mailto:{ADDRESS}",
    "two at signs": "ada@bea@x.example",
    "no domain": "ada@",
    "no name": "@x.example",
    "final dot": f"{ADDRESS}.",
    "two dots": "ada@x..example",
    "domain in brackets": "ada@[127.0.0.1]",
    "wide at sign": "ada\uff20x.example",
    "wide comma": f"{OTHER}\uff0c{ADDRESS}",
    "backslash": "ada\\@x.example",
    "very long": "a" * 250 + "@x.example",
    "longer than any": "a" * 30_000 + "@x.example",
    "only blanks": " \u00a0\u200b",
    "two ids": "1,2",
    "ids with a blank": "1 2",
    "exponent": "1e3",
    "plus": "+5",
    "minus": "-5",
    "leading zero": "007",
    "zero": "0",
    "fraction": "1.0",
    "hex": "0x10",
    "underscore": "1_000",
    "arabic digits": "\u0661\u0662",
    "superscript": "\u00b2",
    "larger than any id": "2147483648",
    "digits without end": "9" * 5_000,
    "too short": "00Q00000000000",
    "between short and long": "00Q0000000000011",
    "other checksum": "00Q000000000001AAA",
    "letters that are none": "00Q00000000000\u00e9",
    "id with something behind": "00Q000000000001EAA ",
    "name": "Ada",
    "sql": "1 or 1=1",
    "path": "../1",
}  # fmt: skip
TEXTS["id with something behind"] += "or"
# What JSON may hold besides.
VALUES: dict[str, object] = {
    "list": [ADDRESS], "list of ids": [1, 2], "dict": {"id": 1}, "null": None, "true": True, "false": False,
    "float": 1.0, "negative": -1, "zero as number": 0, "huge": 10**400, "empty": "",
}  # fmt: skip
