"""The table of refusals: its own rules, and every input that needs no service, with its exact message."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint, MySqlTls
from infra.errors import PlatformError
from infra.jobs.job import Secret
from infra.jobs.logins import kafka_login
from infra.kafka.client_properties import client_properties, librdkafka_properties
from infra.kafka.publish import MAX_LINE_BYTES, read_lines
from infra.kafka.republish import republish
from infra.kafka.tls import tls_context
from infra.mysql.columns import Column
from infra.mysql.connection import Connection, connect
from infra.mysql.data_file import read_rows
from infra.mysql.preflight import check_interceptor, check_server, raise_failures
from infra.mysql.row_condition import check_condition
from infra.mysql.schema import ensure_schema
from infra.mysql.tls import mysql_tls
from infra.pipeline import CapturedTable, load_pipeline
from infra.refusals import REFUSALS, Refusal
from infra.settings import load_settings
from infra.targets.secret_files import write_secrets
from tests.support.jobs import JOB
from tests.support.refusals import Given, Inputs, files_below, of_tier
from tests.unit.mysql.test_preflight_findings import READY
from tests.unit.pipeline.conftest import DEFINITION, FILES

refused = Inputs()
ROWS = (
    Column("id", "int", in_key=True, auto_increment=True, bounds=(-(2**31), 2**31 - 1)),
    Column("name", "varchar(20)", collation="utf8mb4_bin", max_characters=20, max_bytes=80),
    Column("score", "int", bounds=(-(2**31), 2**31 - 1)),
)
CAPTURED = """\
name: games
description: Tables
source:
  mysql: {database: games, tables: ["*"], topics: {prefix: games., partitions: 1}, server_ids: 10-12}
jobs:
  cdc: {script: cdc.py, uses: [kafka, mysql]}
"""
# Nothing listens there: these inputs are refused before anything is reached.
KAFKA = KafkaEndpoint("127.0.0.1:1")
DATABASE = MySqlEndpoint("127.0.0.1", 1, "games_owner", "secret", "games")
CDC = MySqlEndpoint("db", 3306, "games_cdc", "secret")


def data_file(folder: Path, content: str) -> Given:
    path = folder / "players.csv"
    path.write_text(content, encoding="utf-8")
    return Given(lambda: list(read_rows(path, ROWS)), {"file": path})


for name, content in {
    "file-empty": "",
    "file-without-header": "Alex,7\n",
    "file-column-unknown": "name,score,team\nAlex,7,A\n",
    "file-column-twice": "name,score,name\nAlex,7,Alex\n",
    "file-column-missing": "name\nAlex\n",
    "file-quote-open": 'name,score\nAlex,7\n"Max,4\nJosef,8\n',
}.items():
    refused(name)(partial(data_file, content=content))


@refused("reload-condition")
def _(_: Path) -> Given:
    nobody = cast(Connection, None)  # it is refused before the server is asked
    return Given(lambda: check_condition(nobody, "games", "players", "id = 1) UNION SELECT * FROM (staff"))


@refused("reload-topic")
def _(folder: Path) -> Given:
    games = folder / "games"
    games.mkdir()
    (games / "cdc.py").write_text("")
    (games / "pipeline.yaml").write_text(CAPTURED)
    return Given(lambda: load_pipeline(games).with_tables([CapturedTable("reloads", ("id",), "id")]))


@refused("file-missing")
def _(folder: Path) -> Given:
    return Given(lambda: list(read_rows(folder / "gone.csv", ROWS)), {"file": folder / "gone.csv"})


@refused("lines-missing")
def _(folder: Path) -> Given:
    return Given(lambda: list(read_lines(folder / "gone.jsonl", None)), {"file": folder / "gone.jsonl"})


@refused("line-too-long")
def _(folder: Path) -> Given:
    path = folder / "records.jsonl"
    path.write_bytes(b'{"a": 1}\n' + b"x" * (MAX_LINE_BYTES + 1))
    return Given(lambda: list(read_lines(path, None)), {"file": path})


@refused("schema-file-missing")
def _(folder: Path) -> Given:
    path = folder / "schema.sql"
    return Given(lambda: ensure_schema(DATABASE, path, "players", "games"), {"file": path})


@refused("schema-file-alters")
def _(folder: Path) -> Given:
    path = folder / "schema.sql"
    path.write_text("ALTER TABLE players ADD COLUMN team INT;")
    return Given(lambda: ensure_schema(DATABASE, path, "players", "games"), {"file": path})


def definition(folder: Path, old: str = "", new: str = "", name: str = "games") -> Given:
    """Return the small pipeline with one text replaced by another."""
    path = folder / name
    for file in FILES:
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_text("")
    assert old in DEFINITION
    (path / "pipeline.yaml").write_text(DEFINITION.replace(old, new) if old else DEFINITION)
    return Given(lambda: load_pipeline(path), {"file": path / "pipeline.yaml", "folder": path})


def overwritten(folder: Path, content: bytes) -> Given:
    given = definition(folder)
    (folder / "games" / "pipeline.yaml").write_bytes(content)
    return given


SEEDED = "table: players, seed: {schema: schema.sql, data: players.csv}"
for name, (old, new) in {
    "definition-key-twice": ("description: A pipeline", "description: A pipeline\ndescription: Another"),
    "definition-key-unknown": ("partitions: 1", "partition: 1"),
    "definition-key-missing": ("partitions: 2, ", ""),
    "definition-no-number": ("partitions: 2", "partitions: two"),
    "definition-number-too-small": ("partitions: 2", "partitions: 0"),
    "definition-word-unknown": ("cleanup_policy: compact", "cleanup_policy: compacted"),
    "definition-duration": ("retention: 30d", "retention: 30 days"),
    "definition-topic-unknown": ("writes: [games.players]", "writes: [games.player]"),
    "definition-job-unknown": ("after: [cdc]", "after: [capture]"),
    "definition-file-missing": ("script: totals.py", "script: total.py"),
    "definition-cycle": ("writes: [games.players]", "writes: [games.players], after: [totals]"),
    "definition-server-ids-few": ("server_ids: 10-12", "server_ids: 10-10"),
    "definition-two-sources": ("source:\n", "source:\n  kafka: {topic: games.players}\n"),
    "definition-table-and-tables": (SEEDED, "table: players, tables: [players]"),
    "definition-tables-without-topics": (SEEDED, 'tables: ["*"]'),
    "definition-no-check": ("checks:\n  games.players: {key: [id], expect: players.sql}\n", ""),
}.items():
    refused(name)(partial(definition, old=old, new=new))
for name, raw in {
    "definition-not-utf8": b"name: caf\xe9\n",
    "definition-not-yaml": b"name: games\ntopics: {a: 1\n",
    "definition-not-a-mapping": b"- games\n",
}.items():
    refused(name)(partial(overwritten, content=raw))


@refused("definition-missing")
def _(folder: Path) -> Given:
    definition(folder)
    return Given(lambda: load_pipeline(folder / "gams"), {"file": folder / "gams" / "pipeline.yaml"})


@refused("definition-folder")
def _(folder: Path) -> Given:
    return definition(folder, name="sports")


def settings(folder: Path, content: str = "", **environ: str) -> Given:
    (folder / "settings.local.toml").write_text(content)
    return Given(lambda: load_settings(environ, root=folder))


for name, content in {
    "setting-unknown": "[ports]\nkafak = 29092\n",
    "setting-section-unknown": "[prots]\nkafka = 29092\n",
    "setting-port": "[ports]\nkafka = 80\n",
    "setting-port-twice": "[ports]\nkafka = 13306\n",
    "setting-empty": '[data]\ndir = ""\n',
    "setting-word-unknown": '[mysql]\nserver = "postgres"\n',
    "setting-not-toml": "ports.kafka: 29092\n",
}.items():
    refused(name)(partial(settings, content=content))
refused("setting-variable-unknown")(partial(settings, OLYMPIC_STREAMING_PORT_KAFKA="29092"))


def connection_extra(_: Path, extra: object) -> Given:
    return Given(lambda: client_properties(cast("dict[str, Any]", extra), "connection 'games_kafka', extra"))


for name, extra in {
    "connection-property-unknown": {"securty.protocol": "SSL"},
    "connection-property-twice": {"security.protocol": "SSL", "security_protocol": "PLAINTEXT"},
    "connection-property-no-number": {"request.timeout.ms": "soon"},
    "connection-property-no-boolean": {"ssl.check.hostname": "perhaps"},
    "connection-property-list": {"sasl.password": ["swordfish"]},
}.items():
    refused(name)(partial(connection_extra, extra=extra))


@refused("connection-property-of-one-client")
def _(_: Path) -> Given:
    return Given(lambda: librdkafka_properties({"socks5_proxy": "proxy:1080"}, "connection 'games_kafka', extra"))


def mysql_extra(_: Path, extra: dict[str, str]) -> Given:
    return Given(lambda: mysql_tls(extra, "connection 'games_mysql', extra"))


for name, values in {
    "connection-tls-mode": {"ssl_mode": "STRICT"},
    "connection-tls-without-ca": {"ssl_mode": "VERIFY_CA"},
    "connection-tls-half": {"ssl_ca": "/tls/ca.crt", "ssl_key": "/tls/client.key"},
}.items():
    refused(name)(partial(mysql_extra, extra=values))


@refused("connection-tls-file-mysql")
def _(_: Path) -> Given:
    endpoint = replace(DATABASE, tls=MySqlTls("VERIFY_CA", "/gone/ca.crt"))

    def reach() -> None:
        with connect(endpoint):
            pass

    return Given(reach)


@refused("connection-tls-file-kafka")
def _(_: Path) -> Given:
    endpoint = replace(KAFKA, properties={"security_protocol": "SSL", "ssl_cafile": "/gone/ca.crt"})
    return Given(lambda: tls_context(endpoint))


def login_of_jobs(_: Path, **options: str) -> Given:
    properties = {"security_protocol": "SASL_SSL", "sasl_plain_username": "games", **options}
    return Given(lambda: kafka_login(replace(KAFKA, properties=properties), "games-kafka", "/secrets"))


refused("connection-login-of-jobs")(partial(login_of_jobs, sasl_mechanism="GSSAPI", sasl_plain_password="swordfish"))
refused("connection-login-without-password")(partial(login_of_jobs, sasl_mechanism="PLAIN"))


@refused("connection-file-of-jobs")
def _(folder: Path) -> Given:
    job = replace(JOB, secrets=(Secret("games-kafka", "ca.crt", file="/gone/ca.crt"),))
    return Given(lambda: write_secrets(job, folder / "secrets"))


@refused("republish-filter")
def _(_: Path) -> Given:
    return Given(lambda: republish(KAFKA, "games.quarantine", where="reason = 'a'"))


@refused("republish-mapping")
def _(_: Path) -> Given:
    return Given(lambda: republish(KAFKA, "games.quarantine", mapping="value.{name:"))


def server(_: Path, variables: dict[str, str]) -> Given:
    """Return the checks of a server that cannot run here, from the facts that it would report."""
    found = replace(READY, variables={**READY.variables, **variables})
    return Given(lambda: raise_failures(CDC, list(check_server(found, 24))))


for name, variables in {
    "server-mysql-old": {"version": "5.6.51"},
    "server-mysql-new": {"version": "9.8.0"},
    "server-mariadb-old": {"version": "10.2.44-MariaDB"},
    "server-without-binlog": {"log_bin": "OFF"},
}.items():
    refused(name)(partial(server, variables=variables))


@refused("server-without-interceptor")
def _(_: Path) -> Given:
    facts = replace(READY, variables={**READY.variables, "version": "8.4.7"})
    return Given(lambda: raise_failures(CDC, list(check_interceptor(facts, ["10_source.sql"]))))


@pytest.mark.parametrize("refusal", of_tier("unit"), ids=lambda refusal: refusal.name)
def test_input_is_refused_with_its_message(refusal: Refusal, tmp_path: Path) -> None:
    refused.check(refusal, tmp_path, lambda: files_below(tmp_path))


def test_every_row_of_the_tier_has_an_input() -> None:
    assert refused.names == sorted(refusal.name for refusal in of_tier("unit"))


def test_names_and_inputs_are_unique() -> None:
    for values in ([row.name for row in REFUSALS], [(row.group, row.given, row.server) for row in REFUSALS]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_rows_of_a_group_are_next_to_each_other() -> None:
    groups = [row.group for row in REFUSALS]
    assert groups == sorted(groups, key=groups.index)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_error_is_one_of_the_platform(refusal: Refusal) -> None:
    assert issubclass(refusal.error_class, PlatformError)


def test_there_are_forty_inputs_at_least() -> None:
    assert len(REFUSALS) >= 40
