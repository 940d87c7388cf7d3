"""Make a release: write the version everywhere, date the changelog's entry, commit and tag. Pushes nothing.

`python -m infra release 1.2.3` does all of it; with `--notes` it prints the changelog's entry of that version.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from infra.errors import SetupError

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "## Unreleased"
_NUMBER = r"\d+\.\d+\.\d+"
_VERSION = re.compile(_NUMBER)
# The project's version is the only group of each pattern, which applies to tracked files with these endings.
_PLACES = (
    (("pyproject.toml",), re.compile(rf'^version = "({_NUMBER})"$', re.MULTILINE)),
    (("Chart.yaml",), re.compile(rf'^(?:version|appVersion): "?({_NUMBER})"?$', re.MULTILINE)),
    ((".yaml",), re.compile(rf'repository: olympic-streaming/[\w-]+[^\n]*?\s+tag: "({_NUMBER})"')),
    ((".yaml", ".toml", ".md"), re.compile(rf"(?:olympic-streaming|REGISTRY)/(?:[\w-]+|\$image):({_NUMBER})\b")),
)


def version_places(root: Path = ROOT) -> dict[str, set[str]]:
    """Return each tracked file that repeats the project's version, with the versions that it contains."""
    found: dict[str, set[str]] = {}
    for path, text in _texts(root):
        versions = {match[1] for pattern in _patterns(path) for match in pattern.finditer(text)}
        if versions:
            found[path] = versions
    return found


def write_version(version: str, root: Path = ROOT) -> list[str]:
    """Write `version` to every file that repeats it; return the files that changed."""
    changed = []
    for path, text in _texts(root):
        new = text
        for pattern in _patterns(path):
            new = pattern.sub(lambda match: match[0].replace(match[1], version), new)
        if new != text:
            (root / path).write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def release_notes(version: str, root: Path = ROOT) -> str:
    """Return the changelog's entry of a version, without its heading; SetupError if there is none."""
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    entry = re.search(rf"^## {re.escape(version)}(?: - [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if entry is None:
        raise SetupError(
            f"{CHANGELOG}: no entry for {version}. Expected a heading `## {version} - YYYY-MM-DD`. Add it."
        )
    return entry[1].strip()


def release(version: str, root: Path = ROOT) -> str:
    """Commit and tag a release; return the tag. SetupError, with nothing changed, if the checkout is not ready."""
    tag = f"v{version}"
    _check_version(version, root)
    _check_clean(root)
    if _git(root, "tag", "--list", tag):
        raise SetupError(f"release: tag {tag} exists. Expected a version that was never released. Choose a higher one.")
    _date_changelog(version, root)
    write_version(version, root)
    _git(root, "commit", "--all", "--quiet", "--message", f"chore(release): {version}")
    _git(
        root,
        "tag",
        "--annotate",
        tag,
        "--cleanup=verbatim",
        "--message",
        f"{version}\n\n{release_notes(version, root)}",
    )
    return tag


def _patterns(path: str) -> list[re.Pattern[str]]:
    return [pattern for endings, pattern in _PLACES if path.endswith(endings) and path != CHANGELOG]


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the tracked files that can repeat the version, with their contents."""
    for path in _git(root, "ls-files").splitlines():
        if _patterns(path) and (root / path).is_file():
            yield path, (root / path).read_text(encoding="utf-8")


def _check_version(version: str, root: Path) -> None:
    if not _VERSION.fullmatch(version):
        raise SetupError(f"release: VERSION is {version!r}. Expected three numbers such as 1.2.3. Fix it.")
    [current] = version_places(root)["pyproject.toml"]
    if _as_numbers(version) <= _as_numbers(current):
        raise SetupError(f"release: VERSION is {version}. Expected more than {current} of pyproject.toml. Fix it.")


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _check_clean(root: Path) -> None:
    changes = _git(root, "status", "--porcelain").splitlines()
    if changes:
        raise SetupError(
            f"release: uncommitted changes: {len(changes)}, such as `{changes[0]}`. Expected a clean checkout. "
            "Commit or stash them."
        )


def _date_changelog(version: str, root: Path) -> None:
    """Move the unreleased changes below a heading with version and date, and leave an empty `## Unreleased`."""
    path = root / CHANGELOG
    text = path.read_text(encoding="utf-8")
    entry = re.search(rf"^{UNRELEASED}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if entry is None or not re.search(r"^- ", entry[1], re.MULTILINE):
        raise SetupError(
            f"{CHANGELOG}: nothing is listed below `{UNRELEASED}`. Expected what changed for users. Add it and commit."
        )
    heading = f"{UNRELEASED}\n\n## {version} - {datetime.now(UTC).date().isoformat()}\n"
    path.write_text(text.replace(f"{UNRELEASED}\n", heading, 1), encoding="utf-8")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SetupError(f"release: `git {arguments[0]}` failed: {result.stderr.strip()}. Fix the cause and try again.")
    return result.stdout
