"""MySQL's server from Debian, in a folder of the shared cache: downloaded with apt, and not installed.

Debian has it only in its development suite, whose C library is newer than that of the system. So the folder has every
library, and the server is started with the loader of the folder.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.errors import SetupError
from infra.settings import cache_dir, inherited_environment
from infra.versions import load_versions

Report = Callable[[str], object]
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_WRAPPER = """\
#!/bin/sh
root="$(dirname "$(dirname "$(readlink -f "$0")")")/root"
lib="$root/usr/lib/$(uname -m)-linux-gnu"
exec "$lib"/ld-linux-*.so.* --library-path "$lib:$root/usr/lib/mysql/private" "$root/usr/{program}" "$@" {options}
"""
_PROGRAMS = {
    "sbin/mysqld": '--basedir="$root/usr" --plugin-dir="$root/usr/lib/mysql/plugin" '
    '--lc-messages-dir="$root/usr/share/mysql" --character-sets-dir="$root/usr/share/mysql/charsets"',
    "bin/mysqlbinlog": "",
}


def mysqld_path() -> Path:
    """Return the path of the downloaded server, which may be missing."""
    return cache_dir() / f"mysql-{load_versions().mysql.debian_suite}" / "bin" / "mysqld"


def ensure_mysql_server(report: Report) -> str:
    """Download the server if it is missing; return created or unchanged. SetupError shows why it cannot be."""
    program = mysqld_path()
    if program.is_file():
        return "unchanged"
    folder = program.parents[1]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".incoming-") as scratch:
        incoming = Path(scratch) / "mysql"
        report("mysql: downloading the server and its libraries from Debian, about 100 MB ...")
        packages = _download(Path(scratch))
        incoming.mkdir()
        report(f"mysql: unpacking {len(packages)} packages ...")
        for package in packages:
            _run(["dpkg-deb", "--extract", str(package), str(incoming / "root")])
        _merge_usr(incoming / "root")
        (incoming / "bin").mkdir()
        for name, options in _PROGRAMS.items():
            wrapper = incoming / "bin" / Path(name).name
            wrapper.write_text(_WRAPPER.format(program=name, options=options), encoding="utf-8")
            wrapper.chmod(0o755)
            _run([str(wrapper), "--no-defaults", "--version"])
        incoming.rename(folder)
    return "created"


def _download(folder: Path) -> list[Path]:
    """Download the server with everything that it depends on, as if nothing was installed; return the packages."""
    versions = load_versions().mysql
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(
        f"deb [signed-by={_KEYRING}] http://deb.debian.org/debian {versions.debian_suite} main\n", encoding="utf-8"
    )
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"])
    _run([*apt, "--yes", "--download-only", "--no-install-recommends", "install", *versions.debian_packages])
    return sorted((folder / "archives").glob("*.deb"))


def _merge_usr(root: Path) -> None:
    """Make /lib and /lib64 of the folder links to those of /usr, as Debian's installer does."""
    for name in ("lib", "lib64"):
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")


def _run(command: list[str]) -> None:
    try:
        answer = subprocess.run(command, env=inherited_environment(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SetupError(
            f"mysql: {command[0]} is missing, so MySQL's server cannot be downloaded from Debian. Install MySQL, so "
            "that its mysqld is on PATH."
        ) from None
    if answer.returncode:
        output = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-10:])
        raise SetupError(f"mysql: `{Path(command[0]).name}` failed. The end of its output:\n{output}")
