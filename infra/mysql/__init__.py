"""MySQL and MariaDB: schema, seed, users, and the preflight for change data capture."""
