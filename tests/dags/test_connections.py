"""Airflow connections as endpoints, by the environment variables that Airflow itself reads them from; no database."""

from __future__ import annotations

import json

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import SettingsError
from infra.orchestration.connections import connection_ids, kafka_of, mysql_of
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT

MYSQL = {"conn_type": "mysql", "host": "db", "login": "olympics_cdc", "password": "swordfish"}


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline(ROOT / "flink_jobs" / "olympics")


def give(monkeypatch: pytest.MonkeyPatch, connection_id: str, **parts: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(parts))


def test_every_connection_of_a_pipeline() -> None:
    olympics, events = (load_pipeline(ROOT / "flink_jobs" / name) for name in ("olympics", "olympic_events"))

    assert connection_ids(olympics) == [
        "olympics_mysql",
        "olympics_mysql_cdc",
        "olympics_mysql_reader",
        "olympics_kafka",
    ]
    assert connection_ids(events) == ["olympic_events_kafka"]


def test_mysql_is_the_role_s_own_connection(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_mysql_cdc", **MYSQL, port=3307)

    endpoint = mysql_of(pipeline, "cdc")

    assert endpoint == MySqlEndpoint("db", 3307, "olympics_cdc", "swordfish", "olympics")


def test_mysql_port_has_a_default(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_mysql_reader", **MYSQL)

    assert mysql_of(pipeline, "reader").port == 3306


@pytest.mark.parametrize("part", ["host", "login", "password"])
def test_mysql_part_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, part: str) -> None:
    give(monkeypatch, "olympics_mysql", **{**MYSQL, part: None})

    with pytest.raises(SettingsError) as caught:
        mysql_of(pipeline, "application")

    assert str(caught.value) == (
        f"connection 'olympics_mysql' has no {part}; add it in Admin > Connections or its secret"
    )


def test_missing_connection_says_where_to_add_it(pipeline: Pipeline) -> None:
    with pytest.raises(SettingsError) as caught:
        mysql_of(pipeline, "cdc")

    assert str(caught.value) == (
        "there is no Airflow connection 'olympics_mysql_cdc'; add it in Admin > Connections, as "
        "AIRFLOW_CONN_OLYMPICS_MYSQL_CDC, or in the secrets backend"
    )


def test_kafka_is_host_and_port(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker", port=9093)

    assert kafka_of(pipeline) == KafkaEndpoint("broker:9093")


def test_kafka_port_has_a_default(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker")

    assert kafka_of(pipeline) == KafkaEndpoint("broker:9092")


def test_kafka_extra_wins_and_the_rest_of_it_are_properties(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    extra = {"bootstrap.servers": "one:9092,two:9092", "security_protocol": "SSL", "request_timeout_ms": 5000}
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="ignored", extra=extra)

    assert kafka_of(pipeline) == KafkaEndpoint(
        "one:9092,two:9092", {"security_protocol": "SSL", "request_timeout_ms": "5000"}
    )


def test_kafka_without_a_broker_says_both_ways(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka")

    with pytest.raises(SettingsError) as caught:
        kafka_of(pipeline)

    assert str(caught.value) == (
        "connection 'olympics_kafka' names no broker; give it a host and port, or the extra "
        '{"bootstrap.servers": "..."}'
    )
