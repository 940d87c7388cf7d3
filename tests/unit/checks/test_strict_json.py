"""Strict JSON: the canonical form of valid documents, and the reason why other bytes are invalid."""

from __future__ import annotations

import pytest

from infra.checks.strict_json import InvalidJsonError, normalised, parse


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b' { "a" : [1, {"b": -0}] }\n', '{"a":[1,{"b":0}]}'),
        (b'"\\u00e9\\ud83c\\udfc5"', '"\u00e9\U0001f3c5"'),
        (b"[1e999, -1e999, 1.50]", "[1.7976931348623157e+308,-1.7976931348623157e+308,1.5]"),
        (b"12345678901234567890", "12345678901234567890"),
        (b"1" + b"0" * 5_000, "1.7976931348623157e+308"),
        (b"null", "null"),
        (b"[" * 8 + b"]" * 8, "[" * 8 + "]" * 8),
    ],
)
def test_document_in_canonical_form(data: bytes, text: str) -> None:
    assert normalised(data) == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *((data, "is not JSON") for data in (b"", b"NaN", b"[-Infinity]", b"[1,]", b"01", b"{'a':1}", b"{} {}", b"+1")),
        *((b"{}" + end.encode(), "is not JSON") for end in "\u2028\u2029\u0085\u00a0\x00\x0b\x0c\x1e\ufeff"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        ("{}".encode("utf-16-le"), "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b'"\xf0\x9f\x8f"', "is not UTF-8"),
        (b'"\xed\xa0\x80"', "is not UTF-8"),
        (b'"\xc0\x80"', "is not UTF-8"),
        (b'"\\ud800"', "has half of a surrogate pair"),
        (b'{"\\udc00":1}', "has half of a surrogate pair"),
        (b'{"a":1,"\\u0061":2}', "has a name twice in one object"),
        (b"[" * 9 + b"]" * 9, "has more than 8 levels"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_invalid_bytes_have_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidJsonError) as caught:
        parse(data)

    assert str(caught.value) == reason
    assert normalised(data) is None


def test_missing_bytes_are_missing() -> None:
    assert normalised(None) is None
