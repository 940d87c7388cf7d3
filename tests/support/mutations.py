"""Mutated records for the strict readers: valid ones whose bytes are changed where parsers disagree."""

from __future__ import annotations

import random
from collections.abc import Iterator

SEEDS = [
    b'{"type":"name","data":["Alex","Zo\xc3\xab",null,"\\ud83c\\udfc5","\xf0\x9f\x8f\x85"],"first_id":7}',
    b'{"type":"score","data":[1,-0,2147483647,-2147483648,null,12]}',
    b' {"data" : [ "Austria" , "\\u0041\\n" ] , "type" : "nationality" } ',
    b'{"type":"score","data":[{"a":[1,{"b":[2]}]},[[[[[[1]]]]]],1.5,1e2,true]}',
    b'{"type":"name","first_id":2147483646,"data":["a","b","c"]}',
]
PIECES = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"//", b"/**/", b"'", b" ", b"{}", b"[]", b"[" * 8, b"]" * 8),
    *(b"0", b"-", b"-0", b"1.0", b"1e0", b"1e999", b"-1e999", b"01", b"+1", b".5", b"5.", b"2147483648", b'"1"'),
    *(b"9" * 25, b"9" * 4_400, b"null", b"true", b"NaN", b"Infinity", b"a" * 256, b"\xf0\x9f\x8f\x85" * 256),
    *(b"\\ud800", b"\\udc00", b"\\ud83c\\udfc5", b"\\u0000", b"\\u00", b"\\x41"),
    *(b"\x00", b"\t", b"\n", b"\r", b"\x0b", b"\x0c", b"\x1e", b"\x7f", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"),
    *(b"\xef\xbb\xbf", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f\x8f", b"\xf4\x90\x80\x80"),
    *(b'"type":"name",', b'"data":[1],', b'"first_id":2,', b'"x":1,', b'{"a":1,"a":2}'),
]


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` records: each a valid one with one to three changes."""
    chance = random.Random(seed)
    for _ in range(count):
        record = chance.choice(SEEDS)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            record = _changed(chance, record)
        yield record


def _changed(chance: random.Random, record: bytes) -> bytes:
    at = chance.randrange(len(record) + 1)
    end = min(len(record), at + chance.randint(0, 4))
    kind = chance.randrange(5)
    if kind == 0:
        return record[:at] + record[end:]
    if kind == 1:
        return record[:at] + chance.choice(PIECES) + record[at:]
    if kind == 2:
        return record[:at] + chance.choice(PIECES) + record[end:]
    if kind == 3:
        return record[:at] + bytes([chance.randrange(256)]) + record[at + 1 :]
    return record[:at] + record[at:end] * 2 + record[end:]
