"""The local stack's database, MariaDB or MySQL, on loopback and a unix socket."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import MySQLdb

from infra.endpoints import MySqlEndpoint, MySqlTls
from infra.errors import SetupError
from infra.pipeline.naming import ROLES, Role, password_name, user_name
from infra.settings import Settings
from infra.stacks.data_directory import ensure_data_dir, locked, socket_dir
from infra.stacks.local.certificates import certificates
from infra.stacks.local.database_server import administrator, create_files, server_of
from infra.stacks.local.service import Service
from infra.stacks.log_tail import log_tail
from infra.stacks.passwords import ensure_passwords, known_passwords
from infra.stacks.server_options import DATABASE_FLAGS, DATABASE_OPTIONS

_STARTUP_FILE = "startup.sql"


def mysql_admin(settings: Settings) -> MySqlEndpoint:
    """Return the administrator's endpoint: the unix socket, which authenticates the system user without a password."""
    sock = str(_socket(settings))
    return MySqlEndpoint("localhost", settings.ports.mysql, administrator(), "", unix_socket=sock)


def mysql_endpoint(settings: Settings, role: Role, database: str) -> MySqlEndpoint:
    """Return the endpoint of a database's user, over TCP; `infra.mysql.users.ensure_users` creates the user."""
    return _endpoint(settings, role, database, mysql_passwords(settings, database)[role])


def known_mysql_endpoint(settings: Settings, role: Role, database: str) -> MySqlEndpoint:
    """Return the same endpoint, and generate nothing: its password is empty if there is none yet."""
    name = password_name(database, role)
    return _endpoint(settings, role, database, known_passwords(settings.data_dir, [name]).get(name, ""))


def _endpoint(settings: Settings, role: Role, database: str, password: str) -> MySqlEndpoint:
    user, port = user_name(database, role), settings.ports.mysql
    return MySqlEndpoint("127.0.0.1", port, user, password, database, tls=_client_tls(settings))


def _client_tls(settings: Settings) -> MySqlTls | None:
    files, security = certificates(settings), settings.stack.security
    if security == "plaintext":
        return None
    own = (str(files.client_cert), str(files.client_key)) if security == "mtls" else ("", "")
    return MySqlTls("VERIFY_CA", str(files.ca), *own)


def mysql_passwords(settings: Settings, database: str) -> dict[Role, str]:
    """Return the passwords of a database's users by role; missing ones are generated."""
    names: dict[Role, str] = {role: password_name(database, role) for role in ROLES}
    data_dir = ensure_data_dir(settings)
    with locked(data_dir, "secrets"):  # Airflow's tasks may generate them at the same time
        passwords = ensure_passwords(data_dir, names.values())
    return {role: passwords[name] for role, name in names.items()}


def render_my_cnf(settings: Settings) -> str:
    """Return the server's configuration file."""
    folder, server = settings.data_dir / "mysql", server_of(settings)
    options: dict[str, object] = {
        **DATABASE_OPTIONS,
        "datadir": folder / server.data_folder,
        "socket": _socket(settings),
        "pid-file": folder / "mysql.pid",
        "tmpdir": folder / "tmp",
        "port": settings.ports.mysql,
        "bind-address": "127.0.0.1",
        "innodb-buffer-pool-size": f"{settings.mysql.buffer_pool_mb}M",
        "innodb-use-native-aio": 0,  # its queue is limited for the whole machine, and exhausted in some containers
        **server.options(settings),
        **_server_tls(settings),
    }
    if os.getuid() == 0:
        options["user"] = "root"  # without this option the server does not run as root
    lines = [f"{key} = {value}" for key, value in options.items()]
    return "\n".join([f"[{server.section}]", *lines, *DATABASE_FLAGS, ""])


def _server_tls(settings: Settings) -> dict[str, object]:
    if settings.stack.security == "plaintext":
        return {}
    files = certificates(settings)
    paths = {"ssl-ca": files.ca, "ssl-cert": files.server_cert, "ssl-key": files.server_key}
    return {**paths, "require-secure-transport": "ON"}


def mysql_service(settings: Settings) -> Service:
    """Return the database as a supervised service."""
    folder, server = settings.data_dir / "mysql", server_of(settings)
    config = folder / "my.cnf"
    files = {config: render_my_cnf(settings)}
    command = [server.program(), f"--defaults-file={config}", *server.startup_options()]
    if server.startup_sql():
        files[folder / _STARTUP_FILE] = server.startup_sql()
        command.append(f"--init-file={folder / _STARTUP_FILE}")
    return Service(
        name="mysql",
        command=command,
        directory=folder,
        log=settings.data_dir / "logs" / "mysql.log",
        ports={"mysql": settings.ports.mysql},
        files=files,
        prepare=lambda: ensure_data(settings),
        probe=lambda: probe_mysql(settings),
        stop_seconds=60,
    )


def ensure_data(settings: Settings) -> None:
    """Create the database's files if they are missing: in a temporary folder that is renamed when it is complete."""
    folder, server = settings.data_dir / "mysql", server_of(settings)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    data = folder / server.data_folder
    if data.is_dir():
        return
    incoming = folder / "data.incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    answer = create_files(server, folder / "my.cnf", incoming)
    if answer.returncode:
        output = log_tail(answer.stdout + answer.stderr)
        raise SetupError(f"mysql: {data} could not be created. The end of the output:\n{output}")
    incoming.rename(data)


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
