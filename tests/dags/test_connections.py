"""Airflow connections as endpoints, from environment variables, without a database."""

from __future__ import annotations

import json

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint, MySqlTls
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


def set_connection(monkeypatch: pytest.MonkeyPatch, connection_id: str, **fields: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(fields))


def test_every_connection_of_a_pipeline() -> None:
    assert connection_ids("olympics", has_database=True) == [
        "olympics_mysql",
        "olympics_mysql_cdc",
        "olympics_mysql_reader",
        "olympics_kafka",
    ]
    assert connection_ids("olympic_events", has_database=False) == ["olympic_events_kafka"]


def test_source_that_is_only_read_needs_no_owner() -> None:
    assert connection_ids("arena", has_database=True, is_seeded=False) == [
        "arena_mysql_cdc",
        "arena_mysql_reader",
        "arena_kafka",
    ]


def test_mysql_has_a_connection_for_each_role(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    set_connection(monkeypatch, "olympics_mysql_cdc", **MYSQL, port=3307)

    endpoint = mysql_endpoint(pipeline, "cdc")

    assert endpoint == MySqlEndpoint("db", 3307, "olympics_cdc", "swordfish", "olympics")


def test_mysql_port_has_a_default(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    set_connection(monkeypatch, "olympics_mysql_reader", **MYSQL)

    assert mysql_endpoint(pipeline, "reader").port == 3306


@pytest.mark.parametrize("field", ["host", "login", "password"])
def test_missing_mysql_field_is_named(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, field: str) -> None:
    set_connection(monkeypatch, "olympics_mysql", **{**MYSQL, field: None})

    with pytest.raises(SettingsError) as caught:
        mysql_endpoint(pipeline, "owner")

    assert str(caught.value) == (
        f"connection 'olympics_mysql': {field} is missing. Add it in Admin > Connections or in its secret."
    )


def test_error_of_a_missing_connection_names_the_fix(pipeline: Pipeline) -> None:
    with pytest.raises(SettingsError) as caught:
        mysql_endpoint(pipeline, "cdc")

    assert str(caught.value) == (
        "Airflow connection 'olympics_mysql_cdc' does not exist. Add it in Admin > Connections, as "
        "AIRFLOW_CONN_OLYMPICS_MYSQL_CDC, or in the secrets backend; docs/connections.md has examples."
    )


def test_kafka_is_host_and_port(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker", port=9093)

    assert kafka_endpoint(pipeline) == KafkaEndpoint("broker:9093")


def test_kafka_port_has_a_default(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker")

    assert kafka_endpoint(pipeline) == KafkaEndpoint("broker:9092")


def test_kafka_extra_takes_precedence_and_has_client_properties(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    extra = {"bootstrap.servers": "one:9092,two:9092", "security.protocol": "SSL", "request_timeout_ms": 5000}
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka", host="ignored", extra=extra)

    assert kafka_endpoint(pipeline) == KafkaEndpoint(
        "one:9092,two:9092", {"security_protocol": "SSL", "request_timeout_ms": 5000}
    )


def test_error_of_a_missing_broker_names_both_fixes(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka")

    with pytest.raises(SettingsError) as caught:
        kafka_endpoint(pipeline)

    assert str(caught.value) == (
        "connection 'olympics_kafka': no broker is set. Add a host and port, or the extra "
        '{"bootstrap.servers": "host:port"}.'
    )


def test_unknown_kafka_property_is_named_with_its_connection(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka", host="broker", extra={"security.protokol": "SSL"})

    with pytest.raises(SettingsError) as caught:
        kafka_endpoint(pipeline)

    assert str(caught.value) == (
        "connection 'olympics_kafka', extra: unknown client property security.protokol. Did you mean security.protocol?"
    )


def test_jobs_get_their_own_addresses(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    extra = {"bootstrap.servers": "localhost:9092", "jobs.bootstrap.servers": "kafka:9092"}
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka", extra=extra)
    set_connection(monkeypatch, "olympics_mysql_cdc", **MYSQL, extra={"jobs_host": "mysql", "jobs_port": 3307})

    assert kafka_endpoint(pipeline) == KafkaEndpoint("localhost:9092")
    assert kafka_endpoint_for_jobs(pipeline) == KafkaEndpoint("kafka:9092")
    assert mysql_endpoint_for_jobs(pipeline) == MySqlEndpoint("mysql", 3307, "olympics_cdc", "swordfish", "olympics")


def test_properties_for_the_jobs_only(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    extra = {"bootstrap.servers": "b:9093", "security.protocol": "SSL", "jobs.security.protocol": "PLAINTEXT"}
    set_connection(monkeypatch, "olympics_kafka", conn_type="kafka", extra=extra)

    assert kafka_endpoint(pipeline).properties == {"security_protocol": "SSL"}
    assert kafka_endpoint_for_jobs(pipeline).properties == {"security_protocol": "PLAINTEXT"}


def test_mysql_has_the_tls_of_its_extra(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline) -> None:
    set_connection(monkeypatch, "olympics_mysql_cdc", **MYSQL, extra={"ssl": {"ca": "/tls/ca.crt"}})

    assert mysql_endpoint(pipeline, "cdc").tls == MySqlTls("VERIFY_CA", "/tls/ca.crt")
