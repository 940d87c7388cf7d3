"""Every way in which a pipeline definition can be invalid, and the exact error."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import DefinitionError
from infra.pipeline import load_pipeline
from tests.unit.pipeline.conftest import DEFINITION

TOPICS = "games.players, games.rejects"
JOB_KEYS = "after, arguments, configuration, files, parallelism, script, uses, writes"
MUST_ASCEND = (
    "but must be an ascending range of at least 2 ids (one for each parallel reader) between 1 and 4294967295."
)
MISSING = "does not exist in {folder}. Create it, or fix the path."
EXPECTED_KEYS = "Expected a mapping with keys such as name, topics, source and jobs."
MYSQL = "  mysql: {database: games, table: players, seed: {schema: schema.sql, data: players.csv}, server_ids: 10-12}"
# A text of the small definition, its replacement, and the error after the path of the file.
BROKEN = {
    "unknown key at the top": (
        "description: A pipeline",
        "description: A pipeline\nowners: me",
        (
            "owners: unknown key. Did you mean 'owner'? Allowed: audit, checks, description, jobs, name, owner, "
            "owner_link, quarantine, results, source, tags, topics."
        ),
    ),
    "two sources": (
        "source:\n",
        "source:\n  kafka: {topic: games.players, seed: {data: players.csv}}\n",
        "source: must have exactly one of mysql and kafka. Add or remove one.",
    ),
    "no source": (
        f"source:\n{MYSQL}",
        "source: {}",
        "source: must have exactly one of mysql and kafka. Add or remove one.",
    ),
    "job that reads a database without a MySQL source": (
        MYSQL,
        "  kafka: {topic: games.players, seed: {data: players.csv}}",
        "jobs.cdc.uses: contains mysql, but the source is kafka. Remove mysql.",
    ),
    "unknown topic of the source": (
        (f"{MYSQL}\njobs:\n  cdc: {{script: cdc.py, files: [sql], uses: [kafka, mysql],"),
        "  kafka: {topic: games.events, seed: {data: players.csv}}\njobs:\n  cdc: {script: cdc.py, files: [sql],",
        f"source.kafka.topic: the topic 'games.events' does not exist. Allowed: {TOPICS}.",
    ),
    "missing table of the source": (
        (f"{MYSQL}\njobs:\n  cdc: {{script: cdc.py, files: [sql], uses: [kafka, mysql],"),
        (
            "  kafka: {topic: games.players, seed: {data: players.csv}, tables: {players: fold.sql}}\n"
            "jobs:\n  cdc: {script: cdc.py, files: [sql],"
        ),
        "source.kafka.tables.players: fold.sql {missing}",
    ),
    "unknown topic of the audit": (
        "results:\n",
        "audit: {topic: games.events, query: players.sql}\nresults:\n",
        f"audit.topic: the topic 'games.events' does not exist. Allowed: {TOPICS}.",
    ),
    "missing query of the audit": (
        "results:\n",
        "audit: {topic: games.players, query: no.sql}\nresults:\n",
        "audit.query: no.sql {missing}",
    ),
    "unknown key of a topic": (
        "partitions: 1",
        "partition: 1, partitions: 1",
        (
            "topics.games.rejects.partition: unknown key. Did you mean 'partitions'? Allowed: cleanup_policy, config, "
            "partitions, replication, retention."
        ),
    ),
    "unknown key of the source": (
        "table: players",
        "table: players, tabel: players",
        (
            "source.mysql.tabel: unknown key. Did you mean 'table'? Allowed: database, schema_changes, seed, "
            "server_ids, table, tables, topics."
        ),
    ),
    "unknown key of a job": (
        "after: [cdc]",
        "after: [cdc], paralelism: 2",
        f"jobs.totals.paralelism: unknown key. Did you mean 'parallelism'? Allowed: {JOB_KEYS}.",
    ),
    "unknown key without a similar one": (
        "after: [cdc]",
        "after: [cdc], xyz: 2",
        f"jobs.totals.xyz: unknown key. Allowed: {JOB_KEYS}.",
    ),
    "unknown key of a check": (
        "expect: players.sql",
        "expect: players.sql, expected: x",
        "checks.games.players.expected: unknown key. Did you mean 'expect'? Allowed: expect, key.",
    ),
    "unknown key of a result table": (
        "title: Players",
        "title: Players, titel: x",
        "results.0.titel: unknown key. Did you mean 'title'? Allowed: columns, title, topic.",
    ),
    "missing key at the top": ("description: A pipeline\n", "", "description: missing. Every pipeline requires it."),
    "missing key of a topic": (
        "partitions: 2, ",
        "",
        "topics.games.players.partitions: missing. Every topic requires it.",
    ),
    "missing key of a job": ("script: totals.py, ", "", "jobs.totals.script: missing. Every job requires it."),
    "missing key of the source": (
        "schema: schema.sql, ",
        "",
        "source.mysql.seed.schema: missing. Every seed requires it.",
    ),
    "missing key of a check": (
        "key: [id], ",
        "",
        "checks.games.players.key: missing. Every check requires it.",
    ),
    "missing key of a result table": (
        "title: Players, ",
        "",
        "results.0.title: missing. Every result table requires it.",
    ),
    "number as text": (
        "partitions: 2",
        'partitions: "2"',
        "topics.games.players.partitions: is '2', but must be an integer.",
    ),
    "text as list": ("name: games", "name: [games]", "name: is ['games'], but must be text."),
    "nothing": ("name: games", "name:", "name: is None, but must be text."),
    "list as text": ("after: [cdc]", "after: cdc", "jobs.totals.after: is 'cdc', but must be a list."),
    "text as mapping": (
        "{script: totals.py, after: [cdc]}",
        "totals.py",
        "jobs.totals: is 'totals.py', but must be a mapping, key: value.",
    ),
    "list as mapping": (
        'columns: {Id: "{id}"}',
        "columns: [id]",
        "results.0.columns: is ['id'], but must be a mapping, key: value.",
    ),
    "number as a key": ("  totals:", "  7:", "jobs.7: is 7, but must be text."),
    "invalid literal": (
        "cleanup_policy: compact",
        "cleanup_policy: compacted",
        "topics.games.players.cleanup_policy: is 'compacted', but must be 'compact' or 'delete'.",
    ),
    "invalid literal in a list": (
        "uses: [kafka, mysql]",
        "uses: [kafka, postgres]",
        "jobs.cdc.uses.1: is 'postgres', but must be 'kafka' or 'mysql'.",
    ),
    "invalid name of a topic": (
        "  games.rejects:",
        "  games/rejects:",
        (
            "topics.games/rejects: is 'games/rejects', but must match '^[a-zA-Z0-9._-]{1,249}$'. Fix it, for example "
            "as shop.orders."
        ),
    ),
    "invalid name of a job": (
        "  totals:",
        "  Totals:",
        "jobs.Totals: is 'Totals', but must match '^[a-z][a-z0-9_]{0,39}$'. Fix it, for example as orders.",
    ),
    "invalid duration": (
        "retention: 30d",
        "retention: 30 days",
        (
            "topics.games.rejects.retention: is '30 days', but must match '^\\d+\\s*(ms|s|m|h|d)$'. Fix it, for "
            "example as 30d."
        ),
    ),
    "invalid server ids": (
        "server_ids: 10-12",
        'server_ids: "10"',
        "source.mysql.server_ids: is '10', but must match '^\\d+-\\d+$'. Fix it, for example as 5400-5409.",
    ),
    "no partitions": (
        "partitions: 2",
        "partitions: 0",
        "topics.games.players.partitions: is 0, but must be greater than or equal to 1.",
    ),
    "no parallelism": (
        "parallelism: 2",
        "parallelism: 0",
        "jobs.cdc.parallelism: is 0, but must be greater than or equal to 1.",
    ),
    "check without a key": (
        "key: [id]",
        "key: []",
        "checks.games.players.key: is empty, but must have at least 1 item.",
    ),
    "results without columns": (
        'columns: {Id: "{id}"}',
        "columns: {}",
        "results.0.columns: is empty, but must have at least 1 item.",
    ),
    "descending server ids": (
        "server_ids: 10-12",
        "server_ids: 12-10",
        f"source.mysql.server_ids: is 12-10, {MUST_ASCEND}",
    ),
    "too few server ids": (
        "server_ids: 10-12",
        "server_ids: 10-10",
        f"source.mysql.server_ids: is 10-10, {MUST_ASCEND}",
    ),
    "too high server ids": (
        "server_ids: 10-12",
        "server_ids: 10-4294967296",
        f"source.mysql.server_ids: is 10-4294967296, {MUST_ASCEND}",
    ),
    "name of another folder": (
        "name: games",
        "name: game",
        "name: is 'game', but must be 'games', the name of its folder.",
    ),
    "unknown job in after": (
        "after: [cdc]",
        "after: [cdd]",
        "jobs.totals.after: the job 'cdd' does not exist. Allowed: cdc, totals.",
    ),
    "job after itself": (
        "after: [cdc]",
        "after: [totals]",
        "jobs: after has a cycle: totals -> totals. Remove one of these dependencies.",
    ),
    "cycle": (
        "script: cdc.py",
        "script: cdc.py, after: [totals]",
        "jobs: after has a cycle: cdc -> totals -> cdc. Remove one of these dependencies.",
    ),
    "unknown topic in writes": (
        "writes: [games.players]",
        "writes: [games.player]",
        f"jobs.cdc.writes: the topic 'games.player' does not exist. Allowed: {TOPICS}.",
    ),
    "unknown topic in checks": (
        "results:",
        "  games.totals: {key: [id], expect: players.sql}\nresults:",
        f"checks: the topic 'games.totals' does not exist. Allowed: {TOPICS}.",
    ),
    "result without a check": (
        "topic: games.players",
        "topic: games.rejects",
        "results.0.topic: the topic 'games.rejects' does not have a check. Allowed: games.players.",
    ),
    "missing script": ("script: cdc.py", "script: cdd.py", "jobs.cdc.script: cdd.py {missing}"),
    "missing folder": ("files: [sql]", "files: [sq]", "jobs.cdc.files: sq {missing}"),
    "missing schema": (
        "schema: schema.sql",
        "schema: no.sql",
        "source.mysql.seed.schema: no.sql {missing}",
    ),
    "missing data": ("data: players.csv", "data: no.csv", "source.mysql.seed.data: no.csv {missing}"),
    "missing check": (
        "expect: players.sql",
        "expect: no.sql",
        "checks.games.players.expect: no.sql {missing}",
    ),
    "folder as a script": ("script: cdc.py", "script: sql", "jobs.cdc.script: sql is a folder. Expected a file."),
    "two files of one name": (
        "files: [sql]",
        "files: [sql, sql/10_players.sql]",
        "jobs.cdc.files: two files are named 10_players.sql, but all share one folder. Rename one of them.",
    ),
}


def failure(folder: Path, definition: str | bytes) -> str:
    """Return the error for a definition."""
    (folder / "pipeline.yaml").write_bytes(definition.encode() if isinstance(definition, str) else definition)
    with pytest.raises(DefinitionError) as caught:
        load_pipeline(folder)
    return str(caught.value).replace(str(folder / "pipeline.yaml"), "pipeline.yaml")


@pytest.mark.parametrize(("valid", "invalid", "message"), BROKEN.values(), ids=BROKEN)
def test_invalid_part_is_named(folder: Path, valid: str, invalid: str, message: str) -> None:
    assert DEFINITION.count(valid) == 1

    message = message.replace("{missing}", MISSING.format(folder=folder))
    assert failure(folder, DEFINITION.replace(valid, invalid)) == f"pipeline.yaml: {message}"


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        pytest.param("name: [games", ":1: invalid YAML: expected ',' or ']', but got '<stream end>'. Fix this line.",
                     id="open list"),
        pytest.param(DEFINITION + "name: games\n", ":15: invalid YAML: duplicate key 'name'. Fix this line.",
                     id="duplicate key"),
        pytest.param(
            DEFINITION.replace("script: cdc.py", "script: cdc.py, script: cdc.py"),
            ":9: invalid YAML: duplicate key 'script'. Fix this line.",
            id="duplicate key below",
        ),
        pytest.param("? [a]\n: b\n", ":1: invalid YAML: found unhashable key. Fix this line.", id="list as a key"),
        pytest.param("name: a\x00b\n", ": invalid YAML: unacceptable character #x0000: special characters are not "
                     "allowed. Remove it.", id="control character"),
        pytest.param(b"name: caf\xe9\n", ": not UTF-8 at byte 9. Save the file as UTF-8.", id="latin-1"),
        pytest.param("", f": the content is empty. {EXPECTED_KEYS}", id="empty"),
        pytest.param("- name: games", f": the content is a list. {EXPECTED_KEYS}", id="list"),
        pytest.param("games", f": the content is text. {EXPECTED_KEYS}", id="text"),
    ],
)  # fmt: skip
def test_file_that_is_not_a_definition(folder: Path, definition: str | bytes, message: str) -> None:
    assert failure(folder, definition) == "pipeline.yaml" + message


def test_missing_definition_names_the_others(folder: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_pipeline(folder.parent / "game")

    path = folder.parent / "game" / "pipeline.yaml"
    assert str(caught.value) == f"{path}: the file does not exist. Create it, or use a pipeline next to it: games."


def test_missing_definition_without_others(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_pipeline(tmp_path / "games")

    path = tmp_path / "games" / "pipeline.yaml"
    assert str(caught.value) == f"{path}: the file does not exist. Create it, or use a pipeline next to it: none."


def test_every_error_is_reported_at_once(folder: Path) -> None:
    definition = DEFINITION.replace("name: games", "name: game").replace("script: cdc.py", "script: cdd.py")

    assert failure(folder, definition).splitlines() == [
        "pipeline.yaml: name: is 'game', but must be 'games', the name of its folder.",
        f"pipeline.yaml: jobs.cdc.script: cdd.py {MISSING.format(folder=folder)}",
    ]
