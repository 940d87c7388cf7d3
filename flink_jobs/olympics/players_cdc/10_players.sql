-- The table, read as a changelog: a snapshot first, then the binlog.
CREATE TABLE players (
    id INT NOT NULL,
    name STRING NOT NULL,
    nationality STRING NOT NULL,
    score INT NOT NULL,
    PRIMARY KEY (id) NOT ENFORCED
) WITH (
    'connector' = 'mysql-cdc',
    'hostname' = '${mysql_host}',
    'port' = '${mysql_port}',
    'username' = '${mysql_user}',
    'password' = '${mysql_password}',
    'database-name' = '${mysql_database}',
    'table-name' = '${mysql_table}',
    -- Two readers with one server id throw each other out: every source has a range of its own.
    'server-id' = '${server_ids}',
    'server-time-zone' = 'UTC',
    -- The reader waits this long between two looks at the binlog queue; it was the largest part of the delay.
    'debezium.poll.interval.ms' = '10',
    'debezium.max.batch.size' = '8192',
    'debezium.max.queue.size' = '65536',
    'scan.incremental.snapshot.chunk.size' = '50000',
    'scan.snapshot.fetch.size' = '4096',
    -- How soon a lost connection is noticed and made anew; the default of a minute would be the delay after a restart.
    'debezium.connect.keep.alive.interval.ms' = '2000',
    -- Without it a job fails for ever after a restart of a MySQL server that uses caching_sha2.
    'jdbc.properties.allowPublicKeyRetrieval' = 'true'
)
