"""Kafka topics: bringing them to their spec, and reading what they hold."""
