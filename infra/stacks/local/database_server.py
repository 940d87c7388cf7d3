"""The two servers that can be the local stack's database: MariaDB, which Debian has, and MySQL.

Both authenticate the system user as the administrator by the unix socket, without a password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.errors import SetupError
from infra.settings import Settings, inherited_environment
from infra.setup.mysql_server import mysqld_path

# Debian installs servers outside the PATH of ordinary users.
_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/libexec:/opt/homebrew/bin"


class DatabaseServer(Protocol):
    """A database server: its program, its own options, and how its files are created."""

    @property
    def section(self) -> str:
        """The section of the configuration file."""

    @property
    def data_folder(self) -> str:
        """The folder of the files, so that each server has its own."""

    def program(self) -> str:
        """Return the path of the server; SetupError if it is missing."""

    def options(self, settings: Settings) -> Mapping[str, object]:
        """Return the options that only this server has, or names so."""

    def startup_sql(self) -> str:
        """Return statements that the server runs at each start."""

    def startup_options(self) -> list[str]:
        """Return options of a start; the creation of the files fails with them."""

    def create_command(self, config: Path, folder: Path) -> list[str]:
        """Return the command that creates the files of an empty server in a folder."""


@dataclass(frozen=True)
class MariaDb:
    """MariaDB."""

    section: str = "mariadbd"
    data_folder: str = "data"

    def program(self) -> str:
        """Return the path of mariadbd."""
        return find_program("mariadbd")

    def options(self, settings: Settings) -> Mapping[str, object]:
        """Return MariaDB's names for the retention of the binlog, and for a collation that compares bytes."""
        return {"expire-logs-days": settings.mysql.binlog_days, "collation-server": "utf8mb4_nopad_bin"}

    def startup_sql(self) -> str:
        """Return nothing: the administrator is created with the files."""
        return ""

    def startup_options(self) -> list[str]:
        """Return no options."""
        return []

    def create_command(self, config: Path, folder: Path) -> list[str]:
        """Return the command of mariadb-install-db."""
        return [
            find_program("mariadb-install-db"),
            f"--defaults-file={config}",
            f"--datadir={folder}",
            "--skip-log-bin",  # nobody reads changes of the system tables
            "--skip-test-db",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={administrator()}",
        ]


@dataclass(frozen=True)
class MySql:
    """MySQL, from 8.0 on."""

    section: str = "mysqld"
    data_folder: str = "data-mysql"

    def program(self) -> str:
        """Return the path of mysqld; SetupError if that is MariaDB, whose packages have a link of this name."""
        downloaded = mysqld_path()
        path = str(downloaded) if downloaded.is_file() else find_program("mysqld")
        version = subprocess.run(
            [path, "--no-defaults", "--version"], capture_output=True, text=True, check=False
        ).stdout
        if "MariaDB" in version or not version:
            found = version.strip() or "no version"
            raise SetupError(
                f"mysql: {path} is {found}. Expected MySQL, because mysql.server is mysql. Download it with "
                "`python -m infra mysql-server`, put MySQL's mysqld on PATH before it, or set mysql.server to mariadb."
            )
        return path

    def options(self, settings: Settings) -> Mapping[str, object]:
        """Return MySQL's names, and no further listener."""
        return {
            "binlog-expire-logs-seconds": settings.mysql.binlog_days * 24 * 3600,
            "collation-server": "utf8mb4_0900_bin",
            "mysqlx": 0,
            "secure-file-priv": settings.data_dir / "mysql" / "tmp",
        }

    def startup_sql(self) -> str:
        """Return the statements that make the system user the administrator, and give root no other login."""
        name = administrator()
        others = "" if name == "root" else "DROP USER IF EXISTS 'root'@'localhost';\n"
        return (
            f"CREATE USER IF NOT EXISTS '{name}'@'localhost' IDENTIFIED WITH auth_socket;\n"
            f"ALTER USER '{name}'@'localhost' IDENTIFIED WITH auth_socket;\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{name}'@'localhost' WITH GRANT OPTION;\n{others}"
        )

    def startup_options(self) -> list[str]:
        """Return the option that loads the authentication by the unix socket."""
        return ["--plugin-load-add=auth_socket.so"]

    def create_command(self, config: Path, folder: Path) -> list[str]:
        """Return the command of mysqld itself; the first start gives the administrator its login."""
        return [
            self.program(),
            f"--defaults-file={config}",
            "--initialize-insecure",
            f"--datadir={folder}",
        ]


def server_of(settings: Settings) -> DatabaseServer:
    """Return the server that the settings name."""
    return MySql() if settings.mysql.server == "mysql" else MariaDb()


def find_program(name: str) -> str:
    """Return the path of a program of the database; SetupError if it is missing."""
    path = shutil.which(name) or shutil.which(name, path=_FOLDERS)
    if path is None:
        package = (
            "MySQL, from 8.0 on" if name == "mysqld" else "MariaDB (Debian: `sudo apt-get install -y mariadb-server`)"
        )
        raise SetupError(f"{name} is missing. Install {package}.")
    return path


def administrator() -> str:
    """Return the name of the system user; SetupError if it does not have one, as in a container with only a user id."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        raise SetupError(
            f"mysql: user id {os.getuid()} does not have a name on this system. Expected one, since the administrator "
            "logs in by name. Run as a user that /etc/passwd lists."
        ) from error


def create_files(server: DatabaseServer, config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Create the files of an empty server in a folder, and return the result of the command."""
    command = server.create_command(config, folder)
    return subprocess.run(command, capture_output=True, text=True, check=False, env=inherited_environment())
