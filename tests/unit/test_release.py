"""`make release` in a repository of its own, with the files of this checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.settings import ROOT
from infra.setup.release import release, release_notes, version_places

IDENTITY = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
CHANGES = "# Changelog\n\n## Unreleased\n### Added\n- A thing.\n\n## 0.0.1 - 2020-01-02\n- The first.\n"


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *IDENTITY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clean repository with a copy of every file that states the version, and a short changelog."""
    program = ["infra/__init__.py", "infra/__main__.py", "infra/errors.py", "infra/setup/release.py"]
    program += [path.relative_to(ROOT).as_posix() for path in (ROOT / "infra" / "cli").glob("*.py")]
    for name in [".gitignore", *version_places(), *program]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Test")
    git(tmp_path, "config", "user.email", "test@example.invalid")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "start")
    return tmp_path


def test_release_writes_every_place_commits_and_tags(repository: Path) -> None:
    before = version_places(repository)

    assert release("12.3.45", repository) == "v12.3.45"

    after = version_places(repository)
    assert after.keys() == before.keys() == version_places().keys()
    assert {version for versions in after.values() for version in versions} == {"12.3.45"}
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "log", "-1", "--format=%s") == "chore(release): 12.3.45"
    assert git(repository, "cat-file", "-t", "v12.3.45") == "tag"
    assert git(repository, "rev-parse", "v12.3.45^{commit}") == git(repository, "rev-parse", "HEAD")
    assert git(repository, "diff", "--name-only", "HEAD~").splitlines() == sorted([*before, "CHANGELOG.md"])


def test_release_changes_nothing_but_versions_and_the_changelog(repository: Path) -> None:
    release("12.3.45", repository)

    lines = git(repository, "diff", "--unified=0", "HEAD~", "--", "*.yaml", "*.toml", "*.md").splitlines()
    added = [line for line in lines if re.match(r"\+[^+]", line) and "12.3.45" not in line]
    assert added == []


def test_changelog_gets_a_dated_entry_and_an_empty_next_one(repository: Path) -> None:
    release("12.3.45", repository)

    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.fullmatch(
        r"# Changelog\n\n## Unreleased\n\n## 12\.3\.45 - \d{4}-\d\d-\d\d\n### Added\n- A thing\.\n\n"
        r"## 0\.0\.1 - 2020-01-02\n- The first\.\n",
        text,
    )
    assert release_notes("12.3.45", repository) == "### Added\n- A thing."
    assert release_notes("0.0.1", repository) == "- The first."
    assert "### Added\n- A thing." in git(repository, "tag", "--list", "--format=%(contents)", "v12.3.45")


def test_second_release_without_changes_is_rejected(repository: Path) -> None:
    release("12.3.45", repository)

    with pytest.raises(SetupError) as caught:
        release("12.3.46", repository)

    assert str(caught.value) == (
        "CHANGELOG.md: nothing is listed below `## Unreleased`. Expected what changed for users. Add it and commit."
    )
    assert git(repository, "status", "--porcelain") == ""


def test_dirty_checkout_is_rejected(repository: Path) -> None:
    (repository / "new").write_text("x")

    with pytest.raises(SetupError) as caught:
        release("12.3.45", repository)

    assert str(caught.value) == (
        "release: uncommitted changes: 1, such as `?? new`. Expected a clean checkout. Commit or stash them."
    )
    assert git(repository, "tag") == ""


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3-rc1", "", "1.2.x"])
def test_version_that_is_not_three_numbers_is_rejected(repository: Path, version: str) -> None:
    with pytest.raises(SetupError) as caught:
        release(version, repository)

    assert str(caught.value) == f"release: VERSION is {version!r}. Expected three numbers such as 1.2.3. Fix it."


@pytest.mark.parametrize("version", ["0.0.9", "0.0.0"])
def test_version_that_is_not_higher_is_rejected(repository: Path, version: str) -> None:
    with pytest.raises(SetupError, match=rf"release: VERSION is {version}\. Expected more than "):
        release(version, repository)


def test_tag_that_exists_is_rejected(repository: Path) -> None:
    git(repository, "tag", "v12.3.45")

    with pytest.raises(SetupError, match=r"release: tag v12\.3\.45 exists\."):
        release("12.3.45", repository)


def test_command_line_releases_and_prints_the_notes(repository: Path) -> None:
    command = [sys.executable, "-m", "infra", "release"]
    made = subprocess.run([*command, "12.3.45"], cwd=repository, capture_output=True, text=True)
    notes = subprocess.run([*command, "12.3.45", "--notes"], cwd=repository, capture_output=True, text=True)
    unknown = subprocess.run([*command, "9.9.9", "--notes"], cwd=repository, capture_output=True, text=True)

    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.endswith("Publish it: git push --atomic origin HEAD v12.3.45\n")
    assert (notes.returncode, notes.stdout) == (0, "### Added\n- A thing.\n")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("SetupError: CHANGELOG.md: no entry for 9.9.9.")
