"""Kafka: provisioning topics, and reading and writing their records."""
