"""The settings: the precedence of their sources, and the exact error for every invalid value."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.settings import ROOT, load_settings

PORTS = "kafka, kafka_controller, mysql, flink_rest, flink_rpc, flink_blob, airflow"


def test_defaults_are_complete() -> None:
    settings = load_settings({})

    assert settings.ports.kafka == 19092
    assert settings.data_dir == ROOT / ".data"


def test_environment_takes_precedence_over_local_file_and_defaults(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text("[ports]\nkafka = 29092\nmysql = 23306\n")

    settings = load_settings({"OLYMPIC_STREAMING_PORTS_KAFKA": "39092"}, root=tmp_path)

    assert (settings.ports.kafka, settings.ports.mysql, settings.ports.airflow) == (39092, 23306, 18080)


def test_relative_data_directory_starts_at_the_checkout(tmp_path: Path) -> None:
    settings = load_settings({"OLYMPIC_STREAMING_DATA_DIR": "other/folder"}, root=tmp_path)

    assert settings.data_dir == tmp_path / "other" / "folder"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[ports]\nkafak = 29092\n",
            "settings.local.toml: unknown key of [ports] kafak. Did you mean kafka? Expected one of: " + PORTS + ".",
        ),
        (
            "[prots]\nkafka = 29092\n",
            (
                "settings.local.toml: unknown section prots. Did you mean ports? "
                "Expected one of: data, stack, ports, kafka, mysql, flink, checks, data_files, deployment, session, "
                "kubernetes."
            ),
        ),
        (
            "[flink]\nzzz = 1\n",
            (
                "settings.local.toml: unknown key of [flink] zzz. Remove it. Expected one of: jobmanager_memory_mb, "
                "taskmanager_memory_mb, slots, checkpoint_interval_ms."
            ),
        ),
        (
            "ports = 1\n",
            "settings.local.toml: ports is not a section. Expected [ports] with its keys below it. Rewrite it.",
        ),
        (
            '[ports]\nkafka = "29092"\n',
            (
                "settings.local.toml: ports.kafka is '29092', but must be an integer from 1024 to 65535. "
                "Fix or remove it."
            ),
        ),
        (
            "[flink]\nslots = true\n",
            "settings.local.toml: flink.slots is True, but must be an integer from 1 to 256. Fix or remove it.",
        ),
        (
            '[data]\ndir = ""\n',
            "settings.local.toml: data.dir is '', but must be text that is not empty. Fix or remove it.",
        ),
        (
            "[ports]\nkafka = 13306\n",
            (
                "settings: port 13306 is used by ports.kafka (settings.local.toml) and ports.mysql "
                "(infra/settings.toml). Expected a different port for each service. Change one of them under "
                "[ports] in settings.local.toml, or with OLYMPIC_STREAMING_PORTS_<KEY>."
            ),
        ),
        (
            "[ports\n",
            (
                "settings.local.toml: not a TOML file: Expected ']' at the end of a table declaration "
                "(at line 1, column 7). Fix it, or delete it to use the defaults."
            ),
        ),
    ],
)
def test_error_of_an_invalid_file_names_the_fix(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "settings.local.toml").write_text(text)

    with pytest.raises(SettingsError) as caught:
        load_settings({}, root=tmp_path)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "OLYMPIC_STREAMING_PORTS_KAFKA",
            "80",
            (
                "environment variable OLYMPIC_STREAMING_PORTS_KAFKA: ports.kafka is 80, but must be an integer from "
                "1024 to 65535. Fix or remove it."
            ),
        ),
        (
            "OLYMPIC_STREAMING_PORTS_KAFKA",
            "abc",
            (
                "environment variable OLYMPIC_STREAMING_PORTS_KAFKA: ports.kafka is 'abc', but must be an integer "
                "from 1024 to 65535. Fix or remove it."
            ),
        ),
        (
            "OLYMPIC_STREAMING_DEPLOYMENT_TARGET",
            "moon",
            (
                "environment variable OLYMPIC_STREAMING_DEPLOYMENT_TARGET: deployment.target is 'moon', but must be "
                "one of local, session, kubernetes. Fix or remove it."
            ),
        ),
        (
            "OLYMPIC_STREAMING_DATA_DIR",
            "",
            (
                "environment variable OLYMPIC_STREAMING_DATA_DIR: data.dir is '', but must be text that is not empty. "
                "Fix or remove it."
            ),
        ),
    ],
)
def test_error_of_an_invalid_variable_names_the_fix(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({variable: value})

    assert str(caught.value) == message


def test_error_of_an_unknown_variable_lists_all() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"OLYMPIC_STREAMING_PORT_KAFKA": "1"})

    message = str(caught.value)
    assert message.startswith(
        "environment: unknown variable OLYMPIC_STREAMING_PORT_KAFKA. Did you mean OLYMPIC_STREAMING_PORTS_KAFKA? "
        "Expected one of: OLYMPIC_STREAMING_DATA_DIR, OLYMPIC_STREAMING_STACK_SECURITY, "
    )
    assert message.endswith("OLYMPIC_STREAMING_KUBERNETES_CHECKPOINT_INTERVAL_MS.")


def test_folder_of_the_checks_is_in_the_data_directory_if_there_is_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environ = {"OLYMPIC_STREAMING_DATA_DIR": str(data)}
    assert load_settings(environ).checks_dir is None

    data.mkdir()
    assert load_settings(environ).checks_dir == data / "checks"
    assert load_settings({**environ, "OLYMPIC_STREAMING_CHECKS_DIR": f"{tmp_path}/other"}).checks_dir == (
        tmp_path / "other"
    )
