"""The platform on one Docker engine, with docker/compose.yaml."""
