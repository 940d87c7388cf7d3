"""The table of refusals as tests: each tier gives the inputs of its rows to the platform, and compares the messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.errors import PlatformError
from infra.refusals import REFUSALS, Refusal

Provoke = Callable[[Any], "Given"]


@dataclass(frozen=True)
class Given:
    """A bad input: the call that must refuse it, and the words that its message has for those of the table."""

    call: Callable[[], object]
    words: dict[str, object] = field(default_factory=dict)


class Inputs:
    """The bad inputs of one tier by the names of the table; use it as a decorator of the function that prepares one."""

    def __init__(self) -> None:
        self._prepare: dict[str, Provoke] = {}

    def __call__(self, name: str) -> Callable[[Provoke], Provoke]:
        def add(function: Provoke) -> Provoke:
            assert name not in self._prepare, name
            self._prepare[name] = function
            return function

        return add

    @property
    def names(self) -> list[str]:
        return sorted(self._prepare)

    def check(
        self, refusal: Refusal, place: Any, state: Callable[[], object], translate: Callable[[str], str] = str
    ) -> None:
        """Prepare the input, and check that it is refused with the exact message, and that `state` stays the same.

        `translate` replaces words of a message that another server has others for.
        """
        given = self._prepare[refusal.name](place)
        before = state()
        with pytest.raises(PlatformError) as caught:
            given.call()
        assert f"{type(caught.value).__name__}: {caught.value}" == (
            f"{refusal.error}: {translate(refusal.text(given.words))}"
        )
        assert state() == before


def of_tier(tier: str, groups: Iterable[str] = (), server: str | None = None) -> list[Refusal]:
    """Return the rows of a tier, of these groups if there are some, that this database server can have."""
    wanted = set(groups)
    return [
        refusal
        for refusal in REFUSALS
        if refusal.tier == tier
        and (not wanted or refusal.group in wanted)
        and (server is None or refusal.server in (None, server))
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the content of every file by its path."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
