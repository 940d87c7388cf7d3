"""A whole deployment on a broker and a database that refuse plain text, and where its secrets are afterwards."""

from __future__ import annotations

import stat
from dataclasses import replace

import certifi
import httpx
import pytest

from infra.endpoints import KafkaEndpoint
from infra.errors import AccessDeniedError
from infra.kafka.client import admin_client, bulk_clients
from infra.mysql.connection import connect, fetch_rows
from tests.local.olympics.conftest import JOBS, Deployment
from tests.local.secure.conftest import files_of, secrets_of

Deployed = tuple[Deployment, set[str]]
PATHS = ("", "/config", "/plan", "/exceptions", "/accumulators", "/checkpoints", "/checkpoints/config")


def test_results_agree_with_the_model_and_follow_changes(deployed: Deployed) -> None:
    deployment, _ = deployed
    deployment.assert_agrees_with_model()
    deployment.execute("INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)")
    deployment.await_agreement(120)
    deployment.assert_agrees_with_model()


def test_broker_refuses_plain_text(deployed: Deployed) -> None:
    kafka = deployed[0].stack.kafka
    plain = KafkaEndpoint(kafka.bootstrap_servers)
    message = (
        f"{kafka} requires TLS, and the connection does not use it. Set security.protocol to SSL or SASL_SSL, and "
        "ssl.cafile, in the connection's extra."
    )
    with pytest.raises(AccessDeniedError) as caught, admin_client(plain) as admin:
        admin.describe_cluster()
    assert str(caught.value) == message
    with pytest.raises(AccessDeniedError) as caught, bulk_clients(plain) as (_, bulk):
        bulk.list_topics(timeout=5)
    assert str(caught.value) == message


def test_database_refuses_plain_text(deployed: Deployed, security: str) -> None:
    endpoint = deployed[0].endpoint("cdc")
    with pytest.raises(AccessDeniedError) as caught, connect(replace(endpoint, tls=None)):
        pass
    if security == "tls":
        assert str(caught.value) == (
            f"{endpoint} requires TLS, and the connection does not use it. "
            "Add ssl_mode and ssl_ca to the connection's extra."
        )


def test_client_without_its_certificate_is_refused_where_it_needs_one(deployed: Deployed, security: str) -> None:
    deployment, _ = deployed
    kafka, mysql = deployment.stack.kafka, deployment.endpoint("cdc")
    properties = {name: value for name, value in kafka.properties.items() if "key" not in name and "cert" not in name}
    assert mysql.tls
    if security == "tls":
        with connect(replace(mysql, tls=replace(mysql.tls, cert="", key=""))) as connection:
            assert fetch_rows(connection, "SELECT CURRENT_USER()") == [("olympics_cdc@%",)]
        return
    with pytest.raises(AccessDeniedError), connect(replace(mysql, tls=replace(mysql.tls, cert="", key=""))):
        pass
    with pytest.raises(AccessDeniedError) as caught, admin_client(replace(kafka, properties=properties)) as admin:
        admin.describe_cluster()
    assert str(caught.value).startswith(f"{kafka} rejected the client's certificate: ")


def test_wrong_authority_and_wrong_password_are_named(deployed: Deployed, security: str) -> None:
    deployment, _ = deployed
    kafka, mysql = deployment.stack.kafka, deployment.endpoint("cdc")
    assert mysql.tls
    other = certifi.where()
    with pytest.raises(AccessDeniedError) as caught, connect(replace(mysql, tls=replace(mysql.tls, ca=other))):
        pass
    assert str(caught.value).startswith(f"{mysql}: TLS failed: ")
    with pytest.raises(AccessDeniedError) as caught, connect(replace(mysql, password="marlin")):
        pass
    assert str(caught.value).startswith(f"{mysql} rejected the login: ")
    properties = {**kafka.properties, "ssl_cafile": other}
    with pytest.raises(AccessDeniedError) as caught, admin_client(replace(kafka, properties=properties)):
        pass
    assert str(caught.value).startswith(f"{kafka}: TLS failed: ")
    if security == "tls":
        properties = {**kafka.properties, "sasl_plain_password": "marlin"}
        with pytest.raises(AccessDeniedError) as caught, admin_client(replace(kafka, properties=properties)):
            pass
        assert str(caught.value).startswith(f"{kafka} rejected the login of 'platform': ")


def test_no_secret_was_an_argument_of_a_process(deployed: Deployed) -> None:
    deployment, arguments = deployed
    text = "\n".join(arguments).encode()
    found = {name for name, forms in secrets_of(deployment.stack.settings).items() if any(f in text for f in forms)}
    assert any("--kafka_properties" in argument for argument in arguments)
    assert found == set()


def test_no_secret_is_in_what_flink_shows(deployed: Deployed) -> None:
    deployment, _ = deployed
    statuses, url = deployment.statuses(), str(deployment.stack.flink)
    paths = [f"/jobs/{statuses[job].job_id}{path}" for job in JOBS for path in PATHS]
    paths += ["/jobmanager/config", "/jobmanager/environment", "/jobmanager/log", "/jobs/overview"]
    secrets = secrets_of(deployment.stack.settings)
    for path in paths:
        shown = httpx.get(url + path, trust_env=False).content
        assert [name for name, forms in secrets.items() if any(form in shown for form in forms)] == [], path


def test_no_secret_is_in_state_blobs_logs_or_rendered_fields(deployed: Deployed) -> None:
    deployment, _ = deployed
    target = deployment.target
    savepoint = target.stop(JOBS[0], savepoint=True)
    assert savepoint
    settings = deployment.stack.settings
    secrets, found, searched = secrets_of(settings), [], []
    for path in files_of(settings):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # a running job deletes its old checkpoints
        searched.append(path)
        found += [(name, path) for name, forms in secrets.items() if any(form in content for form in forms)]
    assert found == []
    names = {path.name for path in searched}
    assert {"_metadata", "flink-jobmanager.log", "flink-taskmanager.log", "olympics_deploy.log", "airflow.db"} <= names


def test_files_of_secrets_are_private(deployed: Deployed) -> None:
    settings = deployed[0].stack.settings
    private = [*(settings.data_dir / "flink" / "secrets").rglob("*"), *(settings.data_dir / "tls").rglob("*")]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in private if path.is_file()}
    assert private
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in private if path.is_dir()} == {0}
