"""The jars: only those of the lock are used, and a jar that differs is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.main import main
from infra.errors import SetupError
from infra.setup import jars, maven
from infra.versions import JarSet

CONTENT: dict[str, dict[str, bytes]] = {"compiler": {}, "flink": {"a.jar": b"first"}, "kafka": {"b.jar": b"second"}}
Resolve = Callable[[str, JarSet, Path, jars.Report], None]


def resolve_from(content: dict[str, dict[str, bytes]]) -> Resolve:
    def resolve(name: str, jar_set: JarSet, folder: Path, report: jars.Report) -> None:
        folder.mkdir(parents=True)
        for file, data in content[name].items():
            (folder / file).write_bytes(data)

    return resolve


def must_not_resolve(name: str, jar_set: JarSet, folder: Path, report: jars.Report) -> None:
    raise AssertionError(f"{name} was resolved again")


def ignore(line: str) -> None:
    """Ignore progress, which these tests do not check."""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "jars.lock"
    jars.write_lock(ignore, path, resolve_from(CONTENT))
    return path


def test_lock_is_sorted_and_readable_by_sha256sum(lock: Path) -> None:
    assert lock.read_text() == (
        f"{hashlib.sha256(b'first').hexdigest()}  flink/a.jar\n{hashlib.sha256(b'second').hexdigest()}  kafka/b.jar\n"
    )


def test_second_run_resolves_nothing(lock: Path) -> None:
    assert jars.ensure_jars(ignore, lock, resolve_from(CONTENT)) == "created"
    assert jars.ensure_jars(ignore, lock, must_not_resolve) == "unchanged"
    assert [jar.read_bytes() for jar in jars.jars_of("flink", lock)] == [b"first"]


def test_damaged_cache_is_filled_again(lock: Path) -> None:
    jars.ensure_jars(ignore, lock, resolve_from(CONTENT))
    jars.jars_of("kafka", lock)[0].write_bytes(b"damaged")

    assert jars.ensure_jars(ignore, lock, resolve_from(CONTENT)) == "created"
    assert jars.jars_of("kafka", lock)[0].read_bytes() == b"second"


def test_wrong_checksum_names_the_jar_and_leaves_nothing(lock: Path) -> None:
    wrong: dict[str, dict[str, bytes]] = {"compiler": {}, "flink": {"a.jar": b"forged"}, "kafka": {"c.jar": b"new"}}

    with pytest.raises(SetupError) as caught:
        jars.ensure_jars(ignore, lock, resolve_from(wrong))

    assert str(caught.value) == (
        "jars: kafka/b.jar is missing, kafka/c.jar is not in the lock, flink/a.jar has sha256 "
        f"{hashlib.sha256(b'forged').hexdigest()}, but the lock has {hashlib.sha256(b'first').hexdigest()}. Expected "
        "the jars of infra/setup/jars.lock. Delete Maven's copy (~/.m2/repository) and try again. If "
        "infra/versions.toml was changed on purpose, run `make lock` and commit infra/setup/jars.lock."
    )
    assert list(jars.jars_root(lock).parent.iterdir()) == []


def test_jars_that_were_never_downloaded(lock: Path) -> None:
    with pytest.raises(SetupError) as caught:
        jars.jars_of("flink", lock)

    assert str(caught.value) == f"jars: {jars.jars_root(lock)}/flink/a.jar is missing. Run `make setup`."


def test_missing_coordinate_names_artifact_and_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvn = tmp_path / "mvn"
    mvn.write_text("#!/bin/sh\necho '[ERROR] Could not find artifact org.example:thing:jar:9.9 in central'\nexit 1\n")
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(SetupError) as caught:
        maven.copy_jars("flink", JarSet(coordinates={"org.example:thing": "9.9"}, transitive=[]), tmp_path, ignore)

    assert str(caught.value) == (
        "jars: Maven cannot find org.example:thing in version 9.9 (set flink in infra/versions.toml). Fix the "
        "version there and run `make lock`, or add a repository that has it to Maven's settings.xml."
    )


def test_pom_escapes_names_and_versions() -> None:
    pom = maven.render_pom("x", JarSet(coordinates={"a&b:c": "1<2"}, transitive=["*"]))

    assert "<groupId>a&amp;b</groupId><artifactId>c</artifactId><version>1&lt;2</version>" in pom


def test_unknown_lock_lists_the_existing_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jars", "brokers"]) == 1
    assert capsys.readouterr().err == (
        "SetupError: jars: lock file 'brokers' does not exist. Expected one of: jars, operator.\n"
    )
