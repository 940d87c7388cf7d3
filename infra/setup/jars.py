"""The jars: resolved by Maven, verified with their lock, kept in a cache that all checkouts share.

`python -m infra jars` downloads those of the local stack (jars.lock), and with a name those of another lock file, such
as `operator`. With `--lock` it writes every lock file again from versions.toml.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.errors import SetupError
from infra.settings import cache_dir
from infra.setup.maven import copy_jars
from infra.versions import JarSet, load_versions

LOCK_FILE = Path(__file__).with_name("jars.lock")
Report = Callable[[str], None]
Resolve = Callable[[str, JarSet, Path, Report], None]


@dataclass(frozen=True)
class LockedJar:
    """One line of a lock: the checksum of a jar, its set and its file name."""

    sha256: str
    jar_set: str
    file: str


def read_lock(lock: Path = LOCK_FILE) -> list[LockedJar]:
    """Return the lines `<sha256>  <set>/<file>` of a lock, a format that `sha256sum --check` also reads."""
    jars = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        digest, path = line.split()
        jar_set, file = path.split("/")
        jars.append(LockedJar(digest, jar_set, file))
    return jars


def lock_names() -> list[str]:
    """Return the names of all lock files, sorted."""
    return sorted({jar_set.lock for jar_set in load_versions().jars.values()})


def lock_file(name: str) -> Path:
    """Return the lock file of that name; SetupError lists the existing ones."""
    if name not in lock_names():
        raise SetupError(f"jars: lock file {name!r} does not exist. Expected one of: {', '.join(lock_names())}.")
    return LOCK_FILE.with_name(f"{name}.lock")


def jars_root(lock: Path = LOCK_FILE) -> Path:
    """Return the folder of a lock's jars, with one folder for each set; `ensure_jars` creates it."""
    return cache_dir() / "jars" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]


def jars_of(jar_set: str, lock: Path = LOCK_FILE) -> list[Path]:
    """Return the jars of a set; SetupError if one is missing, because `make setup` has not been run."""
    jars = [jars_root(lock) / jar.jar_set / jar.file for jar in read_lock(lock) if jar.jar_set == jar_set]
    for jar in jars:
        if not jar.is_file():
            raise SetupError(f"jars: {jar} is missing. Run `make setup`.")
    return jars


def ensure_jars(report: Report, lock: Path = LOCK_FILE, resolve: Resolve = copy_jars) -> str:
    """Download the locked jars if they are missing; return created or unchanged.

    SetupError names the jars that differ from the lock.
    """
    target, locked = jars_root(lock), read_lock(lock)
    if target.is_dir() and not _differences(target, locked):
        return "unchanged"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".incoming-") as incoming:
        folder = Path(incoming) / target.name
        resolve_sets(lock.stem, folder, report, resolve)
        differences = _differences(folder, locked)
        if differences:
            raise SetupError(
                f"jars: {', '.join(differences)}. Expected the jars of infra/setup/{lock.name}. Delete Maven's copy "
                "(~/.m2/repository) and try again. If infra/versions.toml was changed on purpose, run `make lock` and "
                f"commit infra/setup/{lock.name}."
            )
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    return "created"


def resolve_sets(lock_name: str, folder: Path, report: Report, resolve: Resolve = copy_jars) -> None:
    """Copy every set of this lock in versions.toml into `folder/<set>`."""
    for name, jar_set in load_versions().jars.items():
        if jar_set.lock == lock_name:
            resolve(name, jar_set, folder / name, report)


def write_lock(report: Report, lock: Path = LOCK_FILE, resolve: Resolve = copy_jars) -> int:
    """Resolve all sets of a lock, write the lock again, and return the number of jars."""
    with tempfile.TemporaryDirectory(prefix="jars-") as scratch:
        folder = Path(scratch)
        resolve_sets(lock.stem, folder, report, resolve)
        jars = sorted(folder.glob("*/*.jar"))
        lines = [f"{_sha256(jar)}  {jar.parent.name}/{jar.name}\n" for jar in jars]
    lock.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def _differences(folder: Path, locked: list[LockedJar]) -> list[str]:
    """Return a phrase for each jar in the folder that differs from the lock."""
    found = {f"{jar.parent.name}/{jar.name}": jar for jar in folder.glob("*/*.jar")}
    expected = {f"{jar.jar_set}/{jar.file}": jar.sha256 for jar in locked}
    phrases = [f"{name} is missing" for name in expected if name not in found]
    phrases += [f"{name} is not in the lock" for name in sorted(found) if name not in expected]
    for name, jar in found.items():
        digest = _sha256(jar) if name in expected else ""
        if name in expected and digest != expected[name]:
            phrases.append(f"{name} has sha256 {digest}, but the lock has {expected[name]}")
    return phrases


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
