"""The jars: resolved by Maven, checked against their lock, kept where every checkout finds them.

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
    """One line of the lock: what a jar's content must be, and the set and file name that it has."""

    sha256: str
    jar_set: str
    file: str


def read_lock(lock: Path = LOCK_FILE) -> list[LockedJar]:
    """The lines `<sha256>  <set>/<file>`, a form that `sha256sum --check` reads as well."""
    jars = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        digest, path = line.split()
        jar_set, file = path.split("/")
        jars.append(LockedJar(digest, jar_set, file))
    return jars


def lock_names() -> list[str]:
    """The names of all lock files, sorted."""
    return sorted({jar_set.lock for jar_set in load_versions().jars.values()})


def lock_file(name: str) -> Path:
    """Return the lock file of that name; SetupError lists the existing ones."""
    if name not in lock_names():
        raise SetupError(f"jars: lock file {name!r} does not exist. Expected one of: {', '.join(lock_names())}.")
    return LOCK_FILE.with_name(f"{name}.lock")


def jars_root(lock: Path = LOCK_FILE) -> Path:
    """The folder of the jars that this lock asks for, with one folder for each set; made by `ensure_jars`."""
    return cache_dir() / "jars" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]


def jars_of(jar_set: str, lock: Path = LOCK_FILE) -> list[Path]:
    """The present jars of a set; SetupError when the set-up has not been run."""
    jars = [jars_root(lock) / jar.jar_set / jar.file for jar in read_lock(lock) if jar.jar_set == jar_set]
    for jar in jars:
        if not jar.is_file():
            raise SetupError(f"jars: {jar} is missing; run `make setup`.")
    return jars


def ensure_jars(report: Report, lock: Path = LOCK_FILE, resolve: Resolve = copy_jars) -> str:
    """Make the locked jars present, and say `unchanged` or `created`; SetupError names a jar that is not as locked."""
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
                "jars: " + "; ".join(differences) + ". Empty Maven's copy of it (~/.m2/repository) and try again; "
                f"if infra/versions.toml was changed on purpose, run `make lock` and commit infra/setup/{lock.name}."
            )
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    return "created"


def resolve_sets(lock_name: str, folder: Path, report: Report, resolve: Resolve = copy_jars) -> None:
    """Copy every set of versions.toml that is in this lock into a folder of its name below `folder`."""
    for name, jar_set in load_versions().jars.items():
        if jar_set.lock == lock_name:
            resolve(name, jar_set, folder / name, report)


def write_lock(report: Report, lock: Path = LOCK_FILE, resolve: Resolve = copy_jars) -> int:
    """Resolve everything and write the lock anew; returns the number of jars."""
    with tempfile.TemporaryDirectory(prefix="jars-") as scratch:
        folder = Path(scratch)
        resolve_sets(lock.stem, folder, report, resolve)
        jars = sorted(folder.glob("*/*.jar"))
        lines = [f"{_sha256(jar)}  {jar.parent.name}/{jar.name}\n" for jar in jars]
    lock.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def _differences(folder: Path, locked: list[LockedJar]) -> list[str]:
    """What in the folder is not as locked, a phrase for each jar."""
    found = {f"{jar.parent.name}/{jar.name}": jar for jar in folder.glob("*/*.jar")}
    wanted = {f"{jar.jar_set}/{jar.file}": jar.sha256 for jar in locked}
    phrases = [f"{name} is missing" for name in wanted if name not in found]
    phrases += [f"{name} is not in the lock" for name in sorted(found) if name not in wanted]
    for name, jar in found.items():
        digest = _sha256(jar) if name in wanted else ""
        if name in wanted and digest != wanted[name]:
            phrases.append(f"{name} has sha256 {digest}, but the lock says {wanted[name]}")
    return phrases


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
