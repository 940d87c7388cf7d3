"""The local stack: Kafka, MariaDB and a Flink session cluster on loopback, under one supervisor, for `local`."""
