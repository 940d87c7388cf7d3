"""Rows of a topic that its captured table does not have, such as rows that a TRUNCATE has deleted."""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the pipeline definition, and are quoted

from __future__ import annotations

from infra.checks.database_file import MEMORY_MB
from infra.checks.expected import create_expected, load_source
from infra.checks.topic_database import TopicDatabase, key_expression
from infra.checks.topic_log import TopicLog
from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import CheckFailedError
from infra.kafka.bulk import bulk_reader
from infra.pipeline import Pipeline

# A job keeps them in memory while it reads the table.
MOST_KEYS = 100_000


def absent_keys(
    pipeline: Pipeline, topic: str, reader: MySqlEndpoint, kafka: KafkaEndpoint, memory_mb: int = MEMORY_MB
) -> list[bytes]:
    """Return the keys of the topic that its table did not have a moment ago.

    The pipeline has the check of this topic only. CheckFailedError if there are more than `MOST_KEYS`.
    """
    with bulk_reader(kafka) as topics, TopicDatabase(pipeline, None, memory_mb) as database:
        TopicLog(database, topics, [topic]).refresh()
        load_source(database, reader)
        expected = create_expected(database, topic)
        key = key_expression(pipeline.checks[topic].key, "TRY(decode(message_value))")
        rows = database.connection.execute(
            f"SELECT message_key FROM {database.current(topic)} WHERE {key} NOT IN (SELECT key FROM {expected}) "
            f"LIMIT {MOST_KEYS + 1}"
        ).fetchall()
    if len(rows) > MOST_KEYS:
        raise CheckFailedError(
            f"topic {topic}: more than {MOST_KEYS:,} of its rows are not in the table. Deploy with the param "
            '{"start_from": "scratch"}, which empties the topic and reads the table again.'
        )
    return [bytes(row[0]) for row in rows]
