"""The supervisor: its configuration, its start, and calls over its unix socket."""

from __future__ import annotations

import hashlib
import http.client
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import Faults, SupervisorTransport

from infra.errors import SetupError, WaitTimeoutError
from infra.settings import inherited_environment
from infra.stacks.data_directory import socket_dir
from infra.stacks.local.processes import marker_of
from infra.stacks.local.service import Service
from infra.stacks.private_files import write_private

_START_SECONDS = 10.0
_POLL_SECONDS = 0.1


def render_supervisord(services: Sequence[Service], data_dir: Path) -> str:
    """Return the configuration file; without autostart, because `up` starts a service when its data is ready."""
    run, logs = data_dir / "run", data_dir / "logs"
    head = f"""\
[unix_http_server]
file = {_escaped(socket_dir(data_dir) / "supervisor.sock")}
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
identifier = {identifier(data_dir)}
directory = {_escaped(data_dir)}
logfile = {_escaped(logs / "supervisord.log")}
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = {_escaped(run / "supervisord.pid")}
childlogdir = {_escaped(logs)}
umask = 077
"""
    return head + "".join(_program(service, data_dir) for service in services)


def _program(service: Service, data_dir: Path) -> str:
    environment = {**service.environment, **marker_of(data_dir, service.name)}
    return f"""
[program:{service.name}]
command = {_escaped(shlex.join(service.command))}
directory = {_escaped(service.directory)}
environment = {",".join(f"{key}={_quoted(value)}" for key, value in environment.items())}
autostart = false
autorestart = true
startsecs = 4
startretries = 20
stopsignal = TERM
stopwaitsecs = {service.stop_seconds}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {_escaped(service.log)}
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 3
"""


def _quoted(value: str) -> str:
    """Return a quoted value of an environment variable; the supervisor cannot escape a quote inside quotes."""
    quote = "'" if '"' in value else '"'
    return f"{quote}{_escaped(value)}{quote}"


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def identifier(data_dir: Path) -> str:
    """Return the supervisor's identifier, which is unique for each data directory."""
    return "olympic-" + hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]


class Supervisor:
    """The supervisor of one data directory; it must run for every call except `is_alive` and `ensure_running`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def is_alive(self) -> bool:
        """Return whether the supervisor of this data directory answers on the socket."""
        try:
            return bool(self._call("getIdentification") == identifier(self._data_dir))
        except (OSError, http.client.HTTPException):
            return False

    def ensure_running(self, services: Sequence[Service]) -> None:
        """Start the supervisor, or apply the configuration to the running one; SetupError if it does not start."""
        config = self._data_dir / "run" / "supervisord.conf"
        write_private(config, render_supervisord(services, self._data_dir))
        if self.is_alive():
            self._reload()
            return
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(config)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=inherited_environment())
        deadline = time.monotonic() + _START_SECONDS
        while answer.returncode == 0 and time.monotonic() < deadline:
            if self.is_alive():
                return
            time.sleep(_POLL_SECONDS)
        log = self._data_dir / "logs" / "supervisord.log"
        raise SetupError(f"the supervisor did not start. See {log}.\n{(answer.stderr or answer.stdout).strip()}")

    def _reload(self) -> None:
        """Apply the configuration: changed groups are stopped and added again, the others keep running."""
        added, changed, removed = self._call("reloadConfig")[0]
        for name in [*changed, *removed]:
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in [*changed, *added]:
            self._call("addProcessGroup", name)

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return the process information of every service, by name."""
        return {info["name"]: info for info in self._call("getAllProcessInfo")}

    def launch(self, name: str) -> None:
        """Start a service without waiting for it; do nothing if it is started already."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.ALREADY_STARTED:
                raise SetupError(f"{name}: the supervisor could not start it: {fault.faultString}") from fault

    def stop(self, name: str) -> None:
        """Stop a service and wait until it has ended; do nothing if it does not run."""
        try:
            self._call("stopProcess", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise SetupError(f"{name}: the supervisor could not stop it: {fault.faultString}") from fault

    def shut_down(self, seconds: float) -> None:
        """Stop every service at the same time, then the supervisor itself; WaitTimeoutError after `seconds`."""
        process = psutil.Process(self._call("getPID"))
        self._call("stopAllProcesses", False)
        deadline = time.monotonic() + seconds
        while any(info["pid"] for info in self.processes().values()) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        self._call("shutdown")
        try:
            process.wait(max(deadline - time.monotonic(), 5.0))
        except psutil.TimeoutExpired as error:
            log = self._data_dir / "logs" / "supervisord.log"
            raise WaitTimeoutError(
                f"the supervisor (process {process.pid}) did not end within {seconds:.0f} s. See {log}, then try again."
            ) from error

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{socket_dir(self._data_dir) / 'supervisor.sock'}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()
