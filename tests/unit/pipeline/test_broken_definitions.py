"""Every way in which a spec can be wrong, and the exact words for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import DefinitionError
from infra.pipeline import load_pipeline
from tests.unit.pipeline.conftest import SPEC

TOPICS = "games.players, games.rejects"
JOB_KEYS = "after, arguments, configuration, files, parallelism, script, uses, writes"
MUST_ASCEND = "must be an ascending range of at least 2 ids (one for each parallel reader) between 1 and 4294967295"
# What stands in the spec, what stands there instead, and what is said about it after the path of the file.
BROKEN = {
    "unknown key at the top": (
        "description: A pipeline",
        "description: A pipeline\nowners: me",
        (
            "owners: unknown key; did you mean 'owner'? allowed: audit, checks, description, jobs, name, owner, "
            "owner_link, quarantine, results, source, tags, topics"
        ),
    ),
    "two sources": (
        "source:\n",
        "source:\n  kafka: {topic: games.players, data: players.csv}\n",
        "source: must name exactly one of mysql and kafka",
    ),
    "no source": (
        "source:\n  mysql: {database: games, schema: schema.sql, table: players, data: players.csv, server_ids: 10-12}",
        "source: {}",
        "source: must name exactly one of mysql and kafka",
    ),
    "job that reads a database which is not there": (
        "  mysql: {database: games, schema: schema.sql, table: players, data: players.csv, server_ids: 10-12}",
        "  kafka: {topic: games.players, data: players.csv}",
        "jobs.cdc.uses: mysql is not there, since the source is kafka; allowed: kafka",
    ),
    "unknown topic of the source": (
        (
            "  mysql: {database: games, schema: schema.sql, table: players, data: players.csv, server_ids: 10-12}\n"
            "jobs:\n  cdc: {script: cdc.py, files: [sql], uses: [kafka, mysql],"
        ),
        "  kafka: {topic: games.feed, data: players.csv}\njobs:\n  cdc: {script: cdc.py, files: [sql],",
        f"source.kafka.topic: there is no topic 'games.feed'; allowed: {TOPICS}",
    ),
    "missing table of the source": (
        (
            "  mysql: {database: games, schema: schema.sql, table: players, data: players.csv, server_ids: 10-12}\n"
            "jobs:\n  cdc: {script: cdc.py, files: [sql], uses: [kafka, mysql],"
        ),
        (
            "  kafka: {topic: games.players, data: players.csv, tables: {players: fold.sql}}\n"
            "jobs:\n  cdc: {script: cdc.py, files: [sql],"
        ),
        "source.kafka.tables.players: fold.sql does not exist in {folder}",
    ),
    "unknown topic of the audit": (
        "results:\n",
        "audit: {topic: games.feed, query: players.sql}\nresults:\n",
        f"audit.topic: there is no topic 'games.feed'; allowed: {TOPICS}",
    ),
    "missing query of the audit": (
        "results:\n",
        "audit: {topic: games.players, query: no.sql}\nresults:\n",
        "audit.query: no.sql does not exist in {folder}",
    ),
    "unknown key of a topic": (
        "partitions: 1",
        "partition: 1, partitions: 1",
        (
            "topics.games.rejects.partition: unknown key; did you mean 'partitions'? allowed: cleanup_policy, config, "
            "partitions, replication, retention"
        ),
    ),
    "unknown key of the source": (
        "table: players",
        "table: players, tables: players",
        (
            "source.mysql.tables: unknown key; did you mean 'table'? allowed: daily_data, data, database, schema, "
            "server_ids, table"
        ),
    ),
    "unknown key of a job": (
        "after: [cdc]",
        "after: [cdc], paralelism: 2",
        f"jobs.totals.paralelism: unknown key; did you mean 'parallelism'? allowed: {JOB_KEYS}",
    ),
    "unknown key without a likeness": (
        "after: [cdc]",
        "after: [cdc], xyz: 2",
        f"jobs.totals.xyz: unknown key; allowed: {JOB_KEYS}",
    ),
    "unknown key of a check": (
        "expect: players.sql",
        "expect: players.sql, expected: x",
        "checks.games.players.expected: unknown key; did you mean 'expect'? allowed: expect, key",
    ),
    "unknown key of a result table": (
        "title: Players",
        "title: Players, titel: x",
        "results.0.titel: unknown key; did you mean 'title'? allowed: columns, title, topic",
    ),
    "missing key at the top": ("description: A pipeline\n", "", "description: missing; every pipeline needs it"),
    "missing key of a topic": (
        "partitions: 2, ",
        "",
        "topics.games.players.partitions: missing; every topic needs it",
    ),
    "missing key of a job": ("script: totals.py, ", "", "jobs.totals.script: missing; every job needs it"),
    "missing key of the source": (
        "schema: schema.sql, ",
        "",
        "source.mysql.schema: missing; every MySQL source needs it",
    ),
    "missing key of a check": (
        "key: [id], ",
        "",
        "checks.games.players.key: missing; every check needs it",
    ),
    "missing key of a result table": ("title: Players, ", "", "results.0.title: missing; every result table needs it"),
    "number as text": (
        "partitions: 2",
        'partitions: "2"',
        "topics.games.players.partitions: '2': must be a whole number",
    ),
    "text as list": ("name: games", "name: [games]", "name: ['games']: must be text"),
    "nothing": ("name: games", "name:", "name: None: must be text"),
    "list as text": ("after: [cdc]", "after: cdc", "jobs.totals.after: 'cdc': must be a list"),
    "text as mapping": (
        "{script: totals.py, after: [cdc]}",
        "totals.py",
        "jobs.totals: 'totals.py': must be a mapping, key: value",
    ),
    "list as mapping": (
        'columns: {Id: "{id}"}',
        "columns: [id]",
        "results.0.columns: ['id']: must be a mapping, key: value",
    ),
    "number as a key": ("  totals:", "  7:", "jobs.7: 7: must be text"),
    "bad literal": (
        "cleanup_policy: compact",
        "cleanup_policy: compacted",
        "topics.games.players.cleanup_policy: 'compacted' is not allowed; allowed: 'compact' or 'delete'",
    ),
    "bad literal in a list": (
        "uses: [kafka, mysql]",
        "uses: [kafka, postgres]",
        "jobs.cdc.uses.1: 'postgres' is not allowed; allowed: 'kafka' or 'mysql'",
    ),
    "bad name of a topic": (
        "  games.rejects:",
        "  games/rejects:",
        "topics.games/rejects: 'games/rejects' does not match ^[a-zA-Z0-9._-]{1,249}$",
    ),
    "bad name of a job": (
        "  totals:",
        "  Totals:",
        "jobs.Totals: 'Totals' does not match ^[a-z][a-z0-9_]{0,39}$",
    ),
    "bad duration": (
        "retention: 30d",
        "retention: 30 days",
        "topics.games.rejects.retention: '30 days' does not match ^\\d+\\s*(ms|s|m|h|d)$",
    ),
    "bad server ids": (
        "server_ids: 10-12",
        'server_ids: "10"',
        "source.mysql.server_ids: '10' does not match ^\\d+-\\d+$",
    ),
    "no partitions": (
        "partitions: 2",
        "partitions: 0",
        "topics.games.players.partitions: 0: must be greater than or equal to 1",
    ),
    "no parallelism": (
        "parallelism: 2",
        "parallelism: 0",
        "jobs.cdc.parallelism: 0: must be greater than or equal to 1",
    ),
    "check without a key": (
        "key: [id]",
        "key: []",
        "checks.games.players.key: is empty; it needs at least 1 entry",
    ),
    "results without columns": (
        'columns: {Id: "{id}"}',
        "columns: {}",
        "results.0.columns: is empty; it needs at least 1 entry",
    ),
    "descending server ids": (
        "server_ids: 10-12",
        "server_ids: 12-10",
        f"source.mysql.server_ids: 12-10 {MUST_ASCEND}",
    ),
    "too few server ids": (
        "server_ids: 10-12",
        "server_ids: 10-10",
        f"source.mysql.server_ids: 10-10 {MUST_ASCEND}",
    ),
    "too high server ids": (
        "server_ids: 10-12",
        "server_ids: 10-4294967296",
        f"source.mysql.server_ids: 10-4294967296 {MUST_ASCEND}",
    ),
    "name of another folder": (
        "name: games",
        "name: game",
        "name: 'game' must be the name of its folder, 'games'",
    ),
    "unknown job in after": (
        "after: [cdc]",
        "after: [cdd]",
        "jobs.totals.after: there is no job 'cdd'; allowed: cdc, totals",
    ),
    "job after itself": ("after: [cdc]", "after: [totals]", "jobs: after goes in a circle: totals -> totals"),
    "cycle": (
        "script: cdc.py",
        "script: cdc.py, after: [totals]",
        "jobs: after goes in a circle: cdc -> totals -> cdc",
    ),
    "unknown topic in writes": (
        "writes: [games.players]",
        "writes: [games.player]",
        f"jobs.cdc.writes: there is no topic 'games.player'; allowed: {TOPICS}",
    ),
    "unknown topic in checks": (
        "results:",
        "  games.totals: {key: [id], expect: players.sql}\nresults:",
        f"checks: there is no topic 'games.totals'; allowed: {TOPICS}",
    ),
    "result without a check": (
        "topic: games.players",
        "topic: games.rejects",
        "results.0.topic: there is no check of 'games.rejects'; allowed: games.players",
    ),
    "missing script": ("script: cdc.py", "script: cdd.py", "jobs.cdc.script: cdd.py does not exist in {folder}"),
    "missing folder": ("files: [sql]", "files: [sq]", "jobs.cdc.files: sq does not exist in {folder}"),
    "missing schema": (
        "schema: schema.sql",
        "schema: no.sql",
        "source.mysql.schema: no.sql does not exist in {folder}",
    ),
    "missing data": ("data: players.csv", "data: no.csv", "source.mysql.data: no.csv does not exist in {folder}"),
    "missing check": (
        "expect: players.sql",
        "expect: no.sql",
        "checks.games.players.expect: no.sql does not exist in {folder}",
    ),
    "folder as a script": ("script: cdc.py", "script: sql", "jobs.cdc.script: sql is a folder; name a file"),
    "two files of one name": (
        "files: [sql]",
        "files: [sql, sql/10_players.sql]",
        "jobs.cdc.files: two files are named 10_players.sql; a job's files share one folder, so rename one",
    ),
}


def failure(folder: Path, spec: str | bytes) -> str:
    """What is said about a spec."""
    (folder / "pipeline.yaml").write_bytes(spec.encode() if isinstance(spec, str) else spec)
    with pytest.raises(DefinitionError) as caught:
        load_pipeline(folder)
    return str(caught.value).replace(str(folder / "pipeline.yaml"), "pipeline.yaml")


@pytest.mark.parametrize(("right", "wrong", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_part_is_named(folder: Path, right: str, wrong: str, message: str) -> None:
    assert SPEC.count(right) == 1

    assert failure(folder, SPEC.replace(right, wrong)) == "pipeline.yaml: " + message.replace("{folder}", str(folder))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("name: [games", ":1: not valid YAML: expected ',' or ']', but got '<stream end>'", id="open list"),
        pytest.param(SPEC + "name: games\n", ":15: not valid YAML: key 'name' stands twice", id="duplicate key"),
        pytest.param(
            SPEC.replace("script: cdc.py", "script: cdc.py, script: cdc.py"),
            ":9: not valid YAML: key 'script' stands twice",
            id="duplicate key below",
        ),
        pytest.param("? [a]\n: b\n", ":1: not valid YAML: found unhashable key", id="list as a key"),
        pytest.param("name: a\x00b\n", ": not valid YAML: unacceptable character #x0000: special characters are not "
                     "allowed", id="control character"),
        pytest.param(b"name: caf\xe9\n", ": not UTF-8 at byte 9; save the file as UTF-8", id="latin-1"),
        pytest.param("", ": expected keys such as name, topics, source, jobs; found NoneType", id="empty"),
        pytest.param("- name: games", ": expected keys such as name, topics, source, jobs; found list", id="list"),
        pytest.param("games", ": expected keys such as name, topics, source, jobs; found str", id="text"),
    ],
)  # fmt: skip
def test_file_that_is_no_spec(folder: Path, spec: str | bytes, message: str) -> None:
    assert failure(folder, spec) == "pipeline.yaml" + message


def test_missing_spec_names_the_others(folder: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_pipeline(folder.parent / "game")

    path = folder.parent / "game" / "pipeline.yaml"
    assert str(caught.value) == f"{path}: no such file; the pipelines beside it are: games"


def test_missing_spec_without_others(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_pipeline(tmp_path / "games")

    path = tmp_path / "games" / "pipeline.yaml"
    assert str(caught.value) == f"{path}: no such file; the pipelines beside it are: none"


def test_everything_wrong_is_said_at_once(folder: Path) -> None:
    spec = SPEC.replace("name: games", "name: game").replace("script: cdc.py", "script: cdd.py")

    assert failure(folder, spec).splitlines() == [
        "pipeline.yaml: name: 'game' must be the name of its folder, 'games'",
        f"pipeline.yaml: jobs.cdc.script: cdd.py does not exist in {folder}",
    ]
