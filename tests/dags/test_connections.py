"""Airflow connections as endpoints, by the environment variables that Airflow itself reads them from; no database."""

from __future__ import annotations

import json

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import SettingsError
from infra.orchestration.connections import (
    kafka_endpoint,
    kafka_endpoint_for_jobs,
    mysql_endpoint,
    mysql_endpoint_for_jobs,
)
from infra.pipeline import Pipeline, load_pipeline
from infra.pipeline.naming import connection_ids
from infra.settings import ROOT

MYSQL: dict[str, object] = {"conn_type": "mysql", "host": "db", "login": "olympics_cdc", "password": "swordfish"}


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline(ROOT / "flink_jobs" / "olympics")


def give(monkeypatch: pytest.MonkeyPatch, connection_id: str, **parts: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(parts))


def test_every_connection_of_a_pipeline() -> None:
    assert connection_ids("olympics", has_database=True) == [
        "olympics_mysql",
        "olympics_mysql_cdc",
        "olympics_mysql_reader",
        "olympics_kafka",
    ]
    assert connection_ids("olympic_events", has_database=False) == ["olympic_events_kafka"]


def test_mysql_is_the_role_s_own_connection(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_mysql_cdc", **MYSQL, port=3307)

    endpoint = mysql_endpoint(pipeline, "cdc")

    assert endpoint == MySqlEndpoint("db", 3307, "olympics_cdc", "swordfish", "olympics")


def test_mysql_port_has_a_default(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_mysql_reader", **MYSQL)

    assert mysql_endpoint(pipeline, "reader").port == 3306


@pytest.mark.parametrize("part", ["host", "login", "password"])
def test_mysql_part_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, part: str) -> None:
    give(monkeypatch, "olympics_mysql", **{**MYSQL, part: None})

    with pytest.raises(SettingsError) as caught:
        mysql_endpoint(pipeline, "owner")

    assert str(caught.value) == (
        f"connection 'olympics_mysql': {part} is missing. Add it in Admin > Connections or in its secret."
    )


def test_missing_connection_says_where_to_add_it(pipeline: Pipeline) -> None:
    with pytest.raises(SettingsError) as caught:
        mysql_endpoint(pipeline, "cdc")

    assert str(caught.value) == (
        "Airflow connection 'olympics_mysql_cdc' does not exist. Add it in Admin > Connections, as "
        "AIRFLOW_CONN_OLYMPICS_MYSQL_CDC, or in the secrets backend; docs/connections.md has examples."
    )


def test_kafka_is_host_and_port(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker", port=9093)

    assert kafka_endpoint(pipeline) == KafkaEndpoint("broker:9093")


def test_kafka_port_has_a_default(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker")

    assert kafka_endpoint(pipeline) == KafkaEndpoint("broker:9092")


def test_kafka_extra_wins_and_the_rest_of_it_are_properties(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    extra = {"bootstrap.servers": "one:9092,two:9092", "security.protocol": "SSL", "request_timeout_ms": 5000}
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="ignored", extra=extra)

    assert kafka_endpoint(pipeline) == KafkaEndpoint(
        "one:9092,two:9092", {"security_protocol": "SSL", "request_timeout_ms": 5000}
    )


def test_kafka_without_a_broker_says_both_ways(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka")

    with pytest.raises(SettingsError) as caught:
        kafka_endpoint(pipeline)

    assert str(caught.value) == (
        "connection 'olympics_kafka': no broker is set. Add a host and port, or the extra "
        '{"bootstrap.servers": "host:port"}.'
    )


def test_unknown_kafka_property_is_named_with_its_connection(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    give(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker", extra={"security.protokol": "SSL"})

    with pytest.raises(SettingsError) as caught:
        kafka_endpoint(pipeline)

    assert str(caught.value) == (
        "connection 'olympics_kafka', extra: unknown client property security.protokol. Did you mean security.protocol?"
    )


def test_jobs_see_their_own_addresses(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    extra = {"bootstrap.servers": "localhost:9092", "jobs.bootstrap.servers": "kafka:9092"}
    give(monkeypatch, "olympics_kafka", conn_type="kafka", extra=extra)
    give(monkeypatch, "olympics_mysql_cdc", **MYSQL, extra={"jobs_host": "mysql", "jobs_port": 3307})

    assert kafka_endpoint(pipeline) == KafkaEndpoint("localhost:9092")
    assert kafka_endpoint_for_jobs(pipeline) == KafkaEndpoint("kafka:9092")
    assert mysql_endpoint_for_jobs(pipeline) == MySqlEndpoint("mysql", 3307, "olympics_cdc", "swordfish", "olympics")
