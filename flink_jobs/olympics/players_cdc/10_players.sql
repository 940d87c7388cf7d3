-- The table as a changelog: first a snapshot, then the binlog.
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
    -- The server disconnects one of two readers with the same server id, so every source has its own range.
    'server-id' = '${server_ids}',
    'server-time-zone' = 'UTC',
    -- The interval at which the reader polls the binlog queue; the default was the largest part of the delay.
    'debezium.poll.interval.ms' = '10',
    'debezium.max.batch.size' = '8192',
    'debezium.max.queue.size' = '65536',
    'scan.incremental.snapshot.chunk.size' = '50000',
    'scan.snapshot.fetch.size' = '4096',
    -- The interval at which a lost connection is detected and reopened; the default is a minute.
    'debezium.connect.keep.alive.interval.ms' = '2000',
    -- Without it, a job fails forever after a restart of a MySQL server that uses caching_sha2_password.
    'jdbc.properties.allowPublicKeyRetrieval' = 'true',
    -- MySQL 8.4 and later; it does nothing on other servers.
    'jdbc.properties.queryInterceptors' = 'olympicstreaming.BinaryLogStatus'
)
