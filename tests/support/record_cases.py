"""Records of the source topic for tests: every way in which one can be invalid, and a generator of mixed ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from tests.support.record_model import MAX_BYTES, TOO_DEEP

NOT_JSON = "the record is not JSON"
NO_OBJECT = "the record is not a JSON object"
FIRST_ID = "first_id in the record is not a 32-bit integer"
NOT_POSITIVE = "first_id is not positive"
UNKNOWN_NAME = "the record has an unknown name; allowed are type, data, first_id"
NO_TYPE = "type is missing from the record"
NO_TEXT = "type in the record is not a text"
TYPE = "type is not name, nationality or score"
NO_DATA = "data is missing from the record"
NO_LIST = "data in the record is not a list"
HALF = "the record has half of a surrogate pair"
TWICE = "the record has a name twice in one object"
INVALID = [
    (None, "the record is empty"),
    (b"", NOT_JSON),
    (b'{"type":"name","data":["' + b"n" * MAX_BYTES + b'"]}', f"the record is larger than {MAX_BYTES} bytes"),
    (b"[" * MAX_BYTES + b"]", f"the record is larger than {MAX_BYTES} bytes"),
    (b'{"type":"name","data":["\xe9"]}', "the record is not UTF-8"),
    (b"\xff\xfe", "the record is not UTF-8"),
    (b"not json", NOT_JSON),
    (b" ", NOT_JSON),
    (b"7", NO_OBJECT),
    (b"0", NO_OBJECT),
    (b"null", NO_OBJECT),
    (b'"name"', NO_OBJECT),
    (b'["name"]', NO_OBJECT),
    (b'{"type":"name","data":["a"]', NOT_JSON),
    (b'{"type":"name","data":["a"]} and more', NOT_JSON),
    (b'{"type":"name","data":["a"]}0', NOT_JSON),
    (b'{"type":"name","data":["a"]}{}', NOT_JSON),
    (b'{"type":"name","data":["a"]},"end"],[', NOT_JSON),
    (b'{"type":"name","data":["a",]}', NOT_JSON),
    (b"{'type':'name','data':['a']}", NOT_JSON),
    (b'{"type":"score","data":[01]}', NOT_JSON),
    (b'{"type":"score","data":[NaN]}', NOT_JSON),
    (b'{"type":"name","data":["a\nb"]}', NOT_JSON),
    (b'\xef\xbb\xbf{"type":"name","data":["a"]}', NOT_JSON),
    ('{"type":"name","data":["a"]}'.encode("utf-16-le"), NOT_JSON),
    *((b'{"type":"name","data":["a"]}' + end.encode(), NOT_JSON) for end in "\u2028\u2029\u0085\u00a0\x00\x0b\x0c\x1e"),
    (b'{"type":"name","data":' + b"[" * 8 + b"]" * 8 + b"}", TOO_DEEP),
    (b"[" * 32_000 + b"]" * 32_000, TOO_DEEP),
    (b'{"a":' * 13_000, TOO_DEEP),
    (b'{"type":"name","data":["\\ud800"]}', HALF),
    (b'{"type":"name","data":["x\\udc00\\ud83c"]}', HALF),
    (b'{"type":"name","data":["\\ud83c\\ud83c\\udfc5"]}', HALF),
    (b'{"type":"name","data":["\\ud83c\\udfc5\\udfc5"]}', HALF),
    (b'{"type":"score","type":"name","data":["a"]}', TWICE),
    (b'{"type":"name","data":["a"],"d\\u0061ta":["a"]}', TWICE),
    (b'{"type":"name","data":[{"a":1,"a":1}]}', TWICE),
    (b'{"type":"name","data":["a"],"extra":1}', UNKNOWN_NAME),
    (b'{"type":"name","data":["a"],"first_id":1,"Type":"x"}', UNKNOWN_NAME),
    (b"{}", NO_TYPE),
    (b'{"data":["a"]}', NO_TYPE),
    (b'{"type":null,"data":["a"]}', NO_TEXT),
    (b'{"type":"names","data":["a"]}', TYPE),
    (b'{"type":"Name","data":["a"]}', TYPE),
    (b'{"type":["name"],"data":["a"]}', NO_TEXT),
    (b'{"type":1,"data":["a"]}', NO_TEXT),
    (b'{"type":"name"}', NO_DATA),
    (b'{"type":"name","data":null}', NO_LIST),
    (b'{"type":"name","data":"a"}', NO_LIST),
    (b'{"type":"name","data":{"0":"a"}}', NO_LIST),
    *((b'{"type":"name","data":["a"],"first_id":%s}' % first_id, NOT_POSITIVE) for first_id in (b"0", b"-0", b"-1")),
    *(
        (b'{"type":"name","data":["a"],"first_id":%s}' % first_id, FIRST_ID)
        for first_id in (b"1.0", b"1e2", b'"1"', b"null", b"true", b"[1]", b"2147483648", b"9" * 40, b"9" * 5_000)
    ),
]
INVALID_ELEMENTS: dict[str, list[Any]] = {
    "name": [1, 1.5, True, ["x"], {"s": "s"}, "n" * 256],
    "nationality": [0, False, [], {}, "x" * 101],
    "score": ["7", 7.5, 1e3, True, [1], {}, 2**31, -(2**31) - 1, 10**30, 10**4299],
}
NAMES = [
    "Alex",
    "Peter",
    "Zoë",
    "zoë",
    "Zoë ",
    "",
    'q"uote',
    "back\\slash",
    "a,b",
    "[1]",
    "7",
    "null",
    "\U0001f3c5",
    "\x00",
]
NATIONS = ["Austria", "US", "Ø", "Italy", " ", "\u2028"]
FIRST_IDS = 400


def generated(count: int, seed: int) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield `count` records as (partition, timestamp, value): 20 % invalid as a whole, some elements invalid or null.

    Timestamps go back and repeat, ids overlap, and some records are exact copies of earlier ones.
    """
    chance = random.Random(seed)
    sent: list[bytes | None] = []
    for number in range(count):
        if sent and chance.random() < 0.05:
            value = chance.choice(sent)
        elif chance.random() < 0.2:
            value = chance.choice(INVALID)[0]
        else:
            value = _record(chance)
        if value is None or len(value) < 1_000:
            sent.append(value)
        yield chance.randrange(3), 1_770_408_000_000 + number // 2 + chance.randrange(-20, 21), value


def _record(chance: random.Random) -> bytes:
    kind = chance.choice(["name", "score", "nationality"])
    record: dict[str, Any] = {"type": kind, "data": [_element(chance, kind) for _ in range(chance.randrange(9))]}
    if chance.random() < 0.9:
        record["first_id"] = chance.randint(1, FIRST_IDS)
    fields = list(record.items())
    chance.shuffle(fields)
    return json.dumps(dict(fields), ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, None, 1])).encode()


def _element(chance: random.Random, kind: str) -> Any:
    share = chance.random()
    if share < 0.05:
        return chance.choice(INVALID_ELEMENTS[kind])
    if share < 0.15:
        return None
    if kind == "score":
        return chance.choice([chance.randint(0, 10), -0, 2**31 - 1, -(2**31)])
    return chance.choice(NAMES if kind == "name" else NATIONS)
