"""The typed reader of table.toml, which has every refusal."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from infra import errors
from infra.errors import PlatformError

_TABLE_FILE = Path(__file__).with_name("table.toml")


class Refusal(BaseModel):
    """An input that is refused: what was given, and the exact message.

    Words of the message in angle brackets stand for what differs from machine to machine, such as `<file>`. `tier` is
    the tier of tests that provokes it, and `server` the only database server that can have this input.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    group: str
    given: str
    tier: Literal["unit", "dags", "local"]
    server: Literal["mariadb", "mysql"] | None = None
    error: str
    message: str

    @property
    def error_class(self) -> type[PlatformError]:
        """The class of the error."""
        found: type[PlatformError] = getattr(errors, self.error)
        return found

    def text(self, values: Mapping[str, object]) -> str:
        """Return the message with the values of its words in angle brackets."""
        text = self.message
        for name, value in values.items():
            text = text.replace(f"<{name}>", str(value))
        return text


def _read() -> tuple[Refusal, ...]:
    content = tomllib.loads(_TABLE_FILE.read_text(encoding="utf-8"))
    return tuple(Refusal.model_validate(values) for values in content["refusal"])


REFUSALS = _read()
