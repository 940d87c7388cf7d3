"""The local stack's Flink session cluster on loopback: a JobManager and a TaskManager of the apache-flink package."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from infra.endpoints import FlinkEndpoint
from infra.jobs.options import (
    OUT_OF_MEMORY_FILE,
    STATE_MEMORY_PERCENT,
    exit_options,
    exit_options_of_session,
    recovery_options,
    session_cluster_options,
    state_options,
)
from infra.settings import Settings, inherited_environment
from infra.setup.flink import flink_home
from infra.setup.functions import functions_jar
from infra.setup.jars import jars_of
from infra.setup.java import find_java
from infra.stacks.local.service import CONNECT_TIMEOUT_SECONDS, PROBE_TIMEOUT_SECONDS, Service

# Log to the console: the supervisor writes it, with the output of the JVM, to one rotated file for each service.
_LOG4J = """\
monitorInterval = 30
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c %x - %m%n
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
"""


def flink_endpoint(settings: Settings) -> FlinkEndpoint:
    """Return the address of the REST API and the web UI."""
    return FlinkEndpoint(f"http://127.0.0.1:{settings.ports.flink_rest}")


def flink_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for Flink's scripts, including `bin/flink`, with our jars and our session cluster."""
    return {**inherited_environment(), **_script_environment(settings)}


def _script_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that depend only on the settings, not on the shell of the user."""
    flink, java = settings.data_dir / "flink", find_java()
    return {
        "JAVA_HOME": str(java.parent.parent),
        "FLINK_HOME": str(flink_home()),
        "FLINK_CONF_DIR": str(flink / "conf"),
        "FLINK_LIB_DIR": str(flink / "lib"),
        "FLINK_LOG_DIR": str(settings.data_dir / "logs"),
        "FLINK_PID_DIR": str(flink / "pid"),
        "FLINK_IDENT_STRING": "local",
    }


def flink_config(settings: Settings) -> dict[str, Any]:
    """Return the content of Flink's config.yaml, by dotted keys."""
    return {
        **_addresses(settings),
        **_resources(settings),
        **recovery_options(settings.flink.checkpoint_interval_ms),
        **state_options(),
        **session_cluster_options(),
        **_folders(settings),
    }


def _addresses(settings: Settings) -> dict[str, Any]:
    """Return addresses on loopback; ports that clients do not use are random, so that two clusters do not conflict."""
    ports = settings.ports
    return {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": ports.flink_rpc,
        "high-availability.jobmanager.port": str(ports.flink_rpc),  # takes the place of the one above
        "jobmanager.bind-host": "127.0.0.1",
        "blob.server.port": str(ports.flink_blob),
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": ports.flink_rest,
        "rest.bind-port": str(ports.flink_rest),
        "taskmanager.host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.rpc.port": "0",
        "taskmanager.data.port": 0,
        "metrics.internal.query-service.port": "0",
        "web.submit.enable": False,  # the CLI does not require it, and nobody should submit in a browser
    }


def _resources(settings: Settings) -> dict[str, Any]:
    """Return memory and JVM options; the parallel collector had the highest throughput."""
    state_memory_mb = settings.flink.taskmanager_memory_mb * STATE_MEMORY_PERCENT // 100
    return {
        "jobmanager.memory.process.size": f"{settings.flink.jobmanager_memory_mb}m",
        "taskmanager.memory.process.size": f"{settings.flink.taskmanager_memory_mb}m",
        # Shared by all slots. Flink's default gives each slot an equal part, and most slots are free.
        "state.backend.rocksdb.memory.managed": False,
        "state.backend.rocksdb.memory.fixed-per-tm": f"{state_memory_mb}m",
        "taskmanager.memory.network.min": "192m",
        "taskmanager.memory.network.max": "192m",
        "taskmanager.numberOfTaskSlots": settings.flink.slots,
        "parallelism.default": 1,
        # The CDC connector reads dates in the time zone of its process, which must not skip an hour.
        "env.java.opts.all": f"{_java_17_options()} -Duser.timezone=UTC",
        # PyFlink's client writes to <tmp>/pyflink, which on a shared /tmp belongs to the first user.
        "env.java.opts.client": f"-Djava.io.tmpdir={settings.data_dir / 'flink' / 'tmp'}",
        "env.java.opts.jobmanager": f"-XX:+UseSerialGC {exit_options()}",
        # The file is relative to the service's directory, because the path of that may contain spaces.
        "env.java.opts.taskmanager": f"-XX:+UseParallelGC {exit_options_of_session(OUT_OF_MEMORY_FILE)}",
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
    }


def _folders(settings: Settings) -> dict[str, Any]:
    flink, logs = settings.data_dir / "flink", settings.data_dir / "logs"
    return {
        "execution.checkpointing.dir": (flink / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (flink / "savepoints").as_uri(),
        "high-availability.storageDir": (flink / "ha").as_uri(),
        "io.tmp.dirs": str(flink / "tmp"),
        "web.tmpdir": str(flink / "tmp"),
        "web.log.path": str(logs / "flink-jobmanager.log"),
        "taskmanager.log.path": str(logs / "flink-taskmanager.log"),
    }


def _java_17_options() -> str:
    """Return the `--add-opens` options for Java 17 of this Flink distribution."""
    shipped = yaml.safe_load((flink_home() / "conf" / "config.yaml").read_text(encoding="utf-8"))
    return str(shipped["env"]["java"]["opts"]["all"])


def flink_services(settings: Settings) -> list[Service]:
    """Return JobManager and TaskManager as supervised services."""
    ports, scripts = settings.ports, flink_home() / "bin"
    return [
        _service(
            settings,
            "flink-jobmanager",
            scripts / "jobmanager.sh",
            {"flink_rest": ports.flink_rest, "flink_rpc": ports.flink_rpc, "flink_blob": ports.flink_blob},
        ),
        _service(settings, "flink-taskmanager", scripts / "taskmanager.sh", {}),
    ]


def _service(settings: Settings, name: str, script: Path, ports: dict[str, int]) -> Service:
    flink = settings.data_dir / "flink"
    slots = settings.flink.slots if name == "flink-taskmanager" else 0
    return Service(
        name=name,
        command=["bash", str(script), "start-foreground"],
        directory=flink,
        log=settings.data_dir / "logs" / f"{name}.log",
        ports=ports,
        files={
            flink / "conf" / "config.yaml": yaml.safe_dump(flink_config(settings), width=10_000),
            flink / "conf" / "log4j-console.properties": _LOG4J,
            flink / "conf" / "log4j-cli.properties": _shipped("log4j-cli.properties"),
            flink / "lib.list": "".join(f"{jar}\n" for jar in _lib_jars()),
        },
        environment=_script_environment(settings),
        prepare=lambda: ensure_lib(flink),
        probe=lambda: probe_flink(settings, slots),
        ready_seconds=180,
    )


def _shipped(name: str) -> str:
    return (flink_home() / "conf" / name).read_text(encoding="utf-8")


def _lib_jars() -> list[Path]:
    return [*sorted(flink_home().glob("lib/*.jar")), *jars_of("flink"), functions_jar()]


def ensure_lib(flink: Path) -> None:
    """Make Flink's lib folder contain links to its own jars and to our connectors, and nothing else."""
    expected = {jar.name: jar for jar in _lib_jars()}
    for folder in ("lib", "tmp", "pid", "checkpoints", "savepoints"):
        (flink / folder).mkdir(parents=True, exist_ok=True)
    for link in (flink / "lib").iterdir():
        if link.name not in expected or link.readlink() != expected[link.name]:
            link.unlink()
    for name, jar in expected.items():
        if not (flink / "lib" / name).is_symlink():
            (flink / "lib" / name).symlink_to(jar)


def probe_flink(settings: Settings, slots: int) -> str | None:
    """Return None if the REST API answers and live TaskManagers have at least `slots` slots, else what was observed."""
    url = f"{flink_endpoint(settings)}/taskmanagers"
    try:
        answer = httpx.get(url, timeout=PROBE_TIMEOUT_SECONDS, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return f"{url}: {error}"
    registered = sum(worker["slotsNumber"] for worker in answer.json()["taskmanagers"] if _listens(worker["id"]))
    return None if registered >= slots else f"{registered} of {slots} task slots are registered"


def _listens(worker: str) -> bool:
    """Return whether the TaskManager `<host>:<port>-<random>` accepts connections.

    A killed one stays registered until its heartbeat timeout.
    """
    host, port = worker.rsplit("-", 1)[0].split(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
