"""The local stack's database: MariaDB, with MySQL's protocol and binlog, on loopback and a unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.errors import SetupError
from infra.pipeline.naming import ROLES, Role, password_name, user_name
from infra.settings import Settings, inherited_environment
from infra.stacks.data_directory import ensure_data_dir, locked, socket_dir
from infra.stacks.local.service import Service
from infra.stacks.log_tail import log_tail
from infra.stacks.passwords import ensure_passwords
from infra.stacks.server_options import DATABASE_FLAGS, DATABASE_OPTIONS


def mysql_admin(settings: Settings) -> MySqlEndpoint:
    """Return the administrator's endpoint: the unix socket, which authenticates the system user without a password."""
    sock = str(_socket(settings))
    return MySqlEndpoint("localhost", settings.ports.mysql, administrator(), "", unix_socket=sock)


def mysql_endpoint(settings: Settings, role: Role, database: str) -> MySqlEndpoint:
    """Return the endpoint of a database's user, over TCP; `infra.mysql.users.ensure_users` creates the user."""
    password = mysql_passwords(settings, database)[role]
    return MySqlEndpoint("127.0.0.1", settings.ports.mysql, user_name(database, role), password, database)


def mysql_passwords(settings: Settings, database: str) -> dict[Role, str]:
    """Return the passwords of a database's users by role; missing ones are generated."""
    names: dict[Role, str] = {role: password_name(database, role) for role in ROLES}
    data_dir = ensure_data_dir(settings)
    with locked(data_dir, "secrets"):  # Airflow's tasks may generate them at the same time
        passwords = ensure_passwords(data_dir, names.values())
    return {role: passwords[name] for role, name in names.items()}


def administrator() -> str:
    """Return the name of the system user; SetupError if it does not have one, as in a container with only a user id."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        raise SetupError(
            f"mysql: user id {os.getuid()} does not have a name on this system. Expected one, since the administrator "
            "logs in by name. Run as a user that /etc/passwd lists."
        ) from error


def render_my_cnf(settings: Settings) -> str:
    """Return the server's configuration file."""
    folder = settings.data_dir / "mysql"
    options: dict[str, object] = {
        **DATABASE_OPTIONS,
        "datadir": folder / "data",
        "socket": _socket(settings),
        "pid-file": folder / "mysql.pid",
        "tmpdir": folder / "tmp",
        "port": settings.ports.mysql,
        "bind-address": "127.0.0.1",
        "expire-logs-days": settings.mysql.binlog_days,
        "innodb-buffer-pool-size": f"{settings.mysql.buffer_pool_mb}M",
        "innodb-use-native-aio": 0,  # its queue is limited for the whole machine, and exhausted in some containers
        "collation-server": "utf8mb4_nopad_bin",
    }
    if os.getuid() == 0:
        options["user"] = "root"  # without this option the server does not run as root
    lines = [f"{key} = {value}" for key, value in options.items()]
    return "\n".join(["[mariadbd]", *lines, *DATABASE_FLAGS, ""])


def mysql_service(settings: Settings) -> Service:
    """Return the database as a supervised service."""
    folder = settings.data_dir / "mysql"
    config = folder / "my.cnf"
    return Service(
        name="mysql",
        command=[find_program("mariadbd"), f"--defaults-file={config}"],
        directory=folder,
        log=settings.data_dir / "logs" / "mysql.log",
        ports={"mysql": settings.ports.mysql},
        files={config: render_my_cnf(settings)},
        prepare=lambda: ensure_data(settings),
        probe=lambda: probe_mysql(settings),
        stop_seconds=60,
    )


def find_program(name: str) -> str:
    """Return the path of one of MariaDB's programs; SetupError if it is missing.

    Debian installs them outside the PATH of ordinary users.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/libexec:/opt/homebrew/bin")
    if path is None:
        raise SetupError(f"{name} is missing. Install MariaDB (Debian: `sudo apt-get install -y mariadb-server`).")
    return path


def ensure_data(settings: Settings) -> None:
    """Create the database's files if they are missing: in a temporary folder that is renamed when it is complete."""
    folder = settings.data_dir / "mysql"
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    if (folder / "data").is_dir():
        return
    incoming = folder / "data.incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    command = [
        find_program("mariadb-install-db"),
        f"--defaults-file={folder / 'my.cnf'}",
        f"--datadir={incoming}",
        "--skip-log-bin",  # nobody reads changes of the system tables
        "--skip-test-db",
        "--auth-root-authentication-method=socket",
        f"--auth-root-socket-user={administrator()}",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=inherited_environment())
    if answer.returncode:
        output = log_tail(answer.stdout + answer.stderr)
        raise SetupError(f"mysql: {folder / 'data'} could not be created. The end of the output:\n{output}")
    incoming.rename(folder / "data")


def probe_mysql(settings: Settings) -> str | None:
    """Return None if the administrator can log in, else the server's error."""
    try:
        connection = MySQLdb.connect(unix_socket=str(_socket(settings)), user=administrator(), connect_timeout=2)
    except MySQLdb.Error as error:
        return str(error.args[-1])
    connection.close()
    return None


def _socket(settings: Settings) -> Path:
    return socket_dir(settings.data_dir) / "mysql.sock"
