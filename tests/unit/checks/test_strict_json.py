"""Strict JSON: the canonical form of valid documents, and rejection of everything else."""

from __future__ import annotations

import pytest

from infra.checks.strict_json import normalised


@pytest.mark.parametrize(
    ("data", "text", "levels"),
    [
        (b' { "a" : [1, {"b": -0}] }\n', '{"a":[1,{"b":0}]}', 3),
        (b'{"a":1,"a":2}', '{"a":2}', 1),
        (b'"\\u00e9\\ud83c\\udfc5"', '"\u00e9\U0001f3c5"', 0),
        (b"[1e999, -1e999, 1.50]", "[1.7976931348623157e+308,-1.7976931348623157e+308,1.5]", 1),
        (b"123456789012345678901234567890", "123456789012345678901234567890", 0),
        (b"null", "null", 0),
        (b"[]", "[]", 1),
    ],
)
def test_document_in_canonical_form(data: bytes, text: str, levels: int) -> None:
    assert normalised(data) == (text, levels)


@pytest.mark.parametrize(
    "data",
    [None, b"", b"NaN", b"[Infinity]", b"[1,]", b"01", b"{'a':1}", b"{} {}", b"\xff", b'"\\ud800"', b"[" * 100_000],
)
def test_invalid_json(data: bytes | None) -> None:
    assert normalised(data) == (None, 0)
