"""The platform on one Docker engine, by docker/compose.yaml."""
