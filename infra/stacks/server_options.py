"""The options of broker and database that are the same on the local stack, with Docker Compose and in the chart.

The local stack renders them; docker/compose.yaml and the chart repeat them, and a test compares all three.
"""

from __future__ import annotations

# One node that is broker and controller: internal topics are small and not replicated. Topics come from the pipeline
# definitions, and a misspelled name must not create one.
BROKER_OPTIONS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    # The default is 60 s. With one node, a crash before that would bring back the records of topics that were emptied.
    "log.flush.start.offset.checkpoint.interval.ms": "1000",
}

# Change data capture requires a server id and full row images in the binlog.
DATABASE_OPTIONS = {
    "server-id": "1",
    "log-bin": "binlog",
    "binlog-format": "ROW",
    "binlog-row-image": "FULL",
    "sync-binlog": "1",
    "innodb-flush-log-at-trx-commit": "1",
    "character-set-server": "utf8mb4",
}
# Options without a value.
DATABASE_FLAGS = ("skip-name-resolve",)
