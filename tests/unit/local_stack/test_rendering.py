"""The rendered configuration of every service."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
import yaml

from infra.settings import Settings, load_settings
from infra.stacks.local import database, flink, kafka
from infra.stacks.local.service import Service
from infra.stacks.local.supervisor import identifier, render_supervisord

DATA = Path("/srv/data")


@pytest.fixture
def settings() -> Settings:
    return load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(DATA), "OLYMPIC_STREAMING_PORTS_KAFKA": "29092"})


def a_service(name: str = "kafka", **changes: object) -> Service:
    values: dict[str, object] = {
        "name": name,
        "command": ["java", "-x", "100%", "a b"],
        "directory": DATA / name,
        "log": DATA / "logs" / f"{name}.log",
        "ports": {},
        "probe": lambda: None,
        "environment": {"FLINK_LIB_DIR": "/x%y"},
    }
    return Service(**(values | changes))  # type: ignore[arg-type]


def test_broker_listens_on_loopback_only(settings: Settings) -> None:
    lines = dict(line.split("=", 1) for line in kafka.render_server_properties(settings).splitlines())

    assert lines["listeners"] == "PLAINTEXT://127.0.0.1:29092,CONTROLLER://127.0.0.1:19093"
    assert lines["advertised.listeners"] == "PLAINTEXT://127.0.0.1:29092"
    assert lines["auto.create.topics.enable"] == "false"
    replication = [value for key, value in lines.items() if key.endswith("replication.factor")]
    assert replication == ["1"] * 4


def test_wildcard_of_the_class_path_is_quoted_for_java(settings: Settings) -> None:
    options = kafka.render_jvm_options(settings, Path("/jars/kafka"))

    assert options.splitlines()[0] == "-Xmx384m"
    assert options.endswith('-cp\n"/jars/kafka/*"\n')


def test_cluster_id_has_kafkas_format() -> None:
    identities = {kafka.new_cluster_id() for _ in range(200)}

    assert len(identities) == 200
    assert {len(identity) for identity in identities} == {22}
    assert not any(identity.startswith("-") for identity in identities)


@pytest.mark.parametrize(("uid", "user"), [(0, "root"), (1000, None)])
def test_database_has_the_options_of_change_data_capture(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, uid: int, user: str | None
) -> None:
    monkeypatch.setattr("os.getuid", lambda: uid)
    parser = configparser.ConfigParser(allow_no_value=True)
    parser.read_string(database.render_my_cnf(settings))
    options = parser["mariadbd"]

    assert options["bind-address"] == "127.0.0.1"
    assert (options["binlog-format"], options["binlog-row-image"]) == ("ROW", "FULL")
    assert options["expire-logs-days"] == "7"
    assert (options["character-set-server"], options["collation-server"]) == ("utf8mb4", "utf8mb4_nopad_bin")
    assert options.get("user") == user


def test_flink_is_on_loopback_and_two_clusters_do_not_conflict(settings: Settings) -> None:
    config = flink.flink_config(settings)

    hosts = {key: value for key, value in config.items() if key.endswith(("host", "address"))}
    assert set(hosts.values()) == {"127.0.0.1"}
    assert {config[key] for key in ("taskmanager.rpc.port", "metrics.internal.query-service.port")} == {"0"}
    assert config["taskmanager.data.port"] == 0


def test_flink_restarts_jobs_from_checkpoints(settings: Settings) -> None:
    config = yaml.safe_load(yaml.safe_dump(flink.flink_config(settings)))

    assert config["restart-strategy.type"] == "exponential-delay"
    assert config["execution.checkpointing.interval"] == "5000 ms"
    assert config["execution.checkpointing.dir"] == "file:///srv/data/flink/checkpoints"
    assert config["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert "--add-opens=java.base/java.util=ALL-UNNAMED" in config["env.java.opts.all"]


def test_task_manager_without_memory_ends_and_writes_a_file(settings: Settings) -> None:
    config = flink.flink_config(settings)
    [worker] = [service for service in flink.flink_services(settings) if service.name == "flink-taskmanager"]

    options = config["env.java.opts.taskmanager"].split()
    assert options[1:] == ["-XX:+ExitOnOutOfMemoryError", r"-XX:OnOutOfMemoryError=:\>out-of-memory"]
    assert worker.directory == DATA / "flink", "the folder in which the target looks for the file"
    assert "OnOutOfMemoryError=" not in config["env.java.opts.jobmanager"]


def test_supervisor_always_restarts_and_values_are_escaped() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(render_supervisord([a_service()], DATA))
    program = parser["program:kafka"]

    assert program["command"] == "java -x 100% 'a b'"
    assert program["environment"] == 'FLINK_LIB_DIR="/x%y",OLYMPIC_SERVICE="/srv/data:kafka"'
    assert (program["autorestart"], program["stopasgroup"], program["killasgroup"]) == ("true", "true", "true")
    assert parser["supervisord"]["identifier"] == identifier(DATA)


def test_fingerprint_changes_only_with_the_running_program() -> None:
    service = a_service()

    assert service.fingerprint() == a_service(ready_seconds=1.0).fingerprint()
    assert service.fingerprint() != a_service(command=["java"]).fingerprint()
    assert service.fingerprint() != a_service(files={Path("/x"): "y"}).fingerprint()
    assert service.fingerprint() != a_service(environment={}).fingerprint()
