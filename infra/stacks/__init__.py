"""Kafka, database, Flink and Airflow on one machine: as plain processes (`local`) or in containers (`compose`)."""
