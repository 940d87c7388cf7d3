"""MySQL and MariaDB: the schema, the seed, the users, and whether the server is ready for change data capture."""
