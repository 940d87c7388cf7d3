"""A real local stack: its services start, restart when killed, keep their data, and report errors."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import MySQLdb
import psutil
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from infra.errors import SetupError
from infra.settings import ROOT, load_settings
from infra.stacks.local import stack as local_stack
from infra.stacks.local.airflow import ensure_airflow
from infra.stacks.local.database import probe_mysql
from infra.stacks.local.flink import probe_flink
from infra.stacks.local.kafka import probe_kafka
from infra.stacks.log_tail import LOG_TAIL_LINES
from infra.waiting import wait_until
from tests.local.conftest import Stack

SERVICES = ["flink-jobmanager", "flink-taskmanager", "mysql", "kafka"]
AIRFLOW = ["airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"]
PROBES = {
    "flink-jobmanager": lambda settings: probe_flink(settings, 0),
    "flink-taskmanager": lambda settings: probe_flink(settings, settings.flink.slots),
    "mysql": probe_mysql,
    "kafka": probe_kafka,
}


@pytest.fixture
def stopped(stack: Stack) -> Iterator[Stack]:
    """All services are down during the test, and up again after it."""
    local_stack.down(stack.settings)
    yield stack
    local_stack.up(stack.settings)


def run_command(stack: Stack, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **stack.environ, **variables}
    command = [sys.executable, "-m", "infra", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = [stack.pid(service) for service in SERVICES]

    assert local_stack.up(stack.settings) == [f"{service}: unchanged" for service in SERVICES]
    assert [stack.pid(service) for service in SERVICES] == before


def test_status_lists_every_service(stack: Stack) -> None:
    lines = local_stack.status(stack.settings)

    assert [(line.name, line.state) for line in lines] == [
        *((service, "running") for service in SERVICES),
        *((service, "stopped") for service in AIRFLOW),
    ]
    assert all(line.pid and psutil.pid_exists(line.pid) and line.log.stat().st_size for line in lines[: len(SERVICES)])


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    for service in SERVICES:
        listening = [entry for entry in _process(stack, service).net_connections("tcp") if entry.status == "LISTEN"]
        assert listening
        assert {entry.laddr.ip.removeprefix("::ffff:") for entry in listening} == {"127.0.0.1"}


def test_logs_and_command_lines_contain_no_secret(stack: Stack) -> None:
    passwords = local_stack.mysql_passwords(stack.settings, "olympics").values()
    logs = (stack.settings.data_dir / "logs").rglob("*")
    texts = [path.read_text(errors="replace") for path in logs if path.is_file()]
    texts += [" ".join(_process(stack, service).cmdline()) for service in SERVICES]

    assert not [password for password in passwords if any(password in text for text in texts)]


@pytest.mark.parametrize("service", ["flink-taskmanager", "kafka", "mysql", "flink-jobmanager"])
def test_killed_service_is_restarted(stack: Stack, service: str) -> None:
    killed = stack.pid(service)
    assert killed
    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: stack.pid(service) not in (None, killed), f"a new {service}", 60)
    wait_until(lambda: PROBES[service](stack.settings) is None, f"the new {service} to answer", 120)
    wait_until(lambda: PROBES["flink-taskmanager"](stack.settings) is None, "the slots", 120)


def test_orphaned_processes_are_replaced(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = _process(stack, "kafka").parent()
    assert supervisor
    old = [stack.pid(service) for service in SERVICES]
    supervisor.kill()
    psutil.wait_procs([supervisor], timeout=10)

    lines = local_stack.up(stack.settings)

    assert [line.split(" (")[0] for line in lines] == [f"{service}: started" for service in SERVICES]
    assert not any(psutil.pid_exists(pid) for pid in old if pid)
    assert "kafka: ended an orphaned process" in capsys.readouterr().out


def test_changed_setting_restarts_only_its_service(stack: Stack) -> None:
    changed = load_settings({**stack.environ, "OLYMPIC_STREAMING_KAFKA_HEAP_MB": "400"})

    for settings in (changed, stack.settings):
        lines = [line.split(" (")[0] for line in local_stack.up(settings)]
        assert lines == [*(f"{service}: unchanged" for service in SERVICES[:3]), "kafka: restarted"]


def test_data_survives_down_and_up(stack: Stack) -> None:
    _create_topic_and_table(stack, "survivor")

    assert sorted(local_stack.down(stack.settings)) == sorted(f"{service}: stopped" for service in SERVICES)
    assert local_stack.down(stack.settings) == ["local stack: not running"]
    assert {line.state for line in local_stack.status(stack.settings)} == {"stopped"}
    local_stack.up(stack.settings)

    with closing(KafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap_servers)) as admin:
        assert "survivor" in admin.list_topics()
    with closing(_connect(stack)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM survivor.numbers")
        assert cursor.fetchall() == ((42,),)


def test_port_in_use_is_named_before_anything_starts(stopped: Stack) -> None:
    port = stopped.settings.ports.mysql
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()

        answer = run_command(stopped, "up")

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert re.fullmatch(
        rf"SetupError: port {port} on 127\.0\.0\.1 is in use by process {os.getpid()} \(.*\), but ports\.mysql "
        r"requires it\. Stop that process, or write `mysql = \d+` under \[ports\] in settings\.local\.toml, or set "
        r"OLYMPIC_STREAMING_PORTS_MYSQL\.\n",
        answer.stderr,
    )
    assert {line.state for line in local_stack.status(stopped.settings)} == {"stopped"}


def test_crash_shows_the_end_of_the_log(stopped: Stack) -> None:
    properties = stopped.settings.data_dir / "kafka" / "data" / "meta.properties"
    intact = properties.read_text()
    properties.write_text(intact.replace("node.id=1", "node.id=4711"))
    try:
        with pytest.raises(SetupError) as caught:
            local_stack.up(stopped.settings)
    finally:
        properties.write_text(intact)
        local_stack.down(stopped.settings)

    first, *lines, last = str(caught.value).splitlines()
    log = stopped.settings.data_dir / "logs" / "kafka.log"
    assert first == "kafka: it ends right after its start. The end of its log:"
    assert 1 <= len(lines) <= LOG_TAIL_LINES
    assert any("4711" in line for line in lines)
    assert last == f"The whole log is {log}. Fix the cause, then run `make up` again."


def test_invalid_setting_is_one_message(stack: Stack) -> None:
    answer = run_command(stack, "status", OLYMPIC_STREAMING_FLINK_SLOTS="many")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        "SettingsError: environment variable OLYMPIC_STREAMING_FLINK_SLOTS: flink.slots is 'many', but must be an "
        "integer from 1 to 256. Fix or remove it.\n"
    )


def test_status_in_another_process_is_the_same(stack: Stack) -> None:
    answer = run_command(stack, "status")

    assert answer.returncode == 0
    rows = [line.split() for line in answer.stdout.splitlines()]
    assert rows[0] == ["SERVICE", "STATE", "PID", "UPTIME", "MIB", "PORT", "LOG"]
    running = [[service, "running", str(stack.pid(service))] for service in SERVICES]
    assert [row[:3] for row in rows[1:9]] == [*running, *([service, "stopped", "-"] for service in AIRFLOW)]
    assert f"Flink    {stack.flink}" in answer.stdout


def test_airflow_runs_under_the_supervisor_and_stops_with_it(stack: Stack) -> None:
    """Airflow listens only on loopback, and `down` ends all of its processes."""
    ensure_airflow(stack.settings, {})
    try:
        lines = local_stack.up(stack.settings, with_airflow=True)
        assert [line.split(" (")[0] for line in lines][4:] == [f"{service}: started" for service in AIRFLOW]
        assert local_stack.up(stack.settings) == [f"{service}: unchanged" for service in [*SERVICES, *AIRFLOW]]
        processes = [each for service in AIRFLOW for each in _family(stack, service)]
        listening = [
            entry.laddr.ip
            for process in processes
            for entry in process.net_connections("tcp")
            if entry.status == "LISTEN"
        ]
        assert set(listening) == {"127.0.0.1"}
    finally:
        local_stack.down(stack.settings)
    assert [process for process in processes if process.is_running()] == []
    local_stack.up(stack.settings)


def _family(stack: Stack, service: str) -> list[psutil.Process]:
    process = _process(stack, service)
    return [process, *process.children(recursive=True)]


def test_clean_does_not_delete_a_folder_of_others(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    settings = load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path)})

    with pytest.raises(SetupError, match="was not created by this platform"):
        local_stack.clean(settings)
    assert (tmp_path / "precious").exists()


def _process(stack: Stack, service: str) -> psutil.Process:
    return psutil.Process(stack.pid(service))


def _connect(stack: Stack) -> MySQLdb.Connection:
    admin = stack.mysql_admin
    return MySQLdb.connect(unix_socket=admin.unix_socket, user=admin.user)


def _create_topic_and_table(stack: Stack, name: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap_servers)) as admin:
        admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    with closing(_connect(stack)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"CREATE TABLE {name}.numbers (answer INT)")
        cursor.execute(f"INSERT INTO {name}.numbers VALUES (42)")
        connection.commit()
