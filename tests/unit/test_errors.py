"""The tree of errors: the drawing equals the code, and each error is terminal or transient."""

from __future__ import annotations

import re

import pytest

from infra import errors
from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import PlatformError, TerminalError, TransientError

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, PlatformError)]
LEAVES = [cls for cls in CLASSES if cls not in (PlatformError, TerminalError, TransientError)]


@pytest.mark.parametrize("cls", LEAVES, ids=lambda cls: cls.__name__)
def test_error_is_terminal_or_transient(cls: type[PlatformError]) -> None:
    assert cls.__bases__ in ((TerminalError,), (TransientError,))


def test_drawing_names_every_class_below_its_base() -> None:
    drawn = re.findall(r"^[ │├└─]*(\w+Error)\b", str(errors.__doc__), re.MULTILINE)

    def named(base: type[PlatformError]) -> list[str]:
        return [cls.__name__ for cls in CLASSES if cls.__bases__ == (base,)]

    terminal, transient = named(TerminalError), named(TransientError)
    assert drawn == ["PlatformError", "TerminalError", *terminal, "TransientError", *transient]


def test_endpoints_show_no_secret() -> None:
    mysql = MySqlEndpoint("db", 3306, "reader", "swordfish", "games")
    kafka = KafkaEndpoint("broker:9092", {"sasl_plain_password": "swordfish"})

    assert str(mysql) == "mysql://reader@db:3306/games"
    assert str(kafka) == "kafka://broker:9092"
    assert "swordfish" not in f"{mysql!r}{kafka!r}{mysql}{kafka}"
