"""The Java functions: compiled once into a jar that depends only on its sources; errors in them are shown."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.setup.functions import ensure_functions, functions_jar
from infra.setup.jars import jars_root

VALID = "package p; public final class A { public static int twice(int n) { return 2 * n; } }"


def ignore(line: str) -> None:
    """Ignore progress."""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one source; its jar goes to a cache of its own, next to the jars of this machine."""
    if not jars_root().is_dir():
        pytest.skip("the jars are missing; run `make setup`")
    cache = tmp_path / "cache"
    (cache / "olympic-streaming").mkdir(parents=True)
    (cache / "olympic-streaming" / "jars").symlink_to(jars_root().parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "A.java").write_text(VALID)
    return folder


def test_sources_are_compiled_once(sources: Path) -> None:
    lines: list[str] = []
    assert ensure_functions(lines.append, sources) == "created"
    assert ensure_functions(lines.append, sources) == "unchanged"
    assert lines == ["functions: compiling ..."]
    assert zipfile.ZipFile(functions_jar(sources)).namelist() == ["p/A.class"]


def test_same_sources_give_the_same_jar_and_others_another(sources: Path) -> None:
    ensure_functions(ignore, sources)
    first = functions_jar(sources)
    content = first.read_bytes()
    first.unlink()
    ensure_functions(ignore, sources)
    assert first.read_bytes() == content

    (sources / "A.java").write_text(VALID.replace("2 * n", "n + n"))
    with pytest.raises(SetupError, match=r"^functions: .* is missing\. Run `make setup`\.$"):
        functions_jar(sources)


def test_errors_of_the_sources_are_shown_and_leave_nothing(sources: Path) -> None:
    (sources / "A.java").write_text(VALID.replace("2 * n", "unknown"))
    with pytest.raises(SetupError, match=r"(?s)^functions: the sources in .*A\.java.*unknown cannot be resolved"):
        ensure_functions(ignore, sources)
    assert list(sources.parent.glob("cache/olympic-streaming/functions/*/*")) == []
