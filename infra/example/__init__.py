"""A generated shop database, to try the platform on tables that it did not create."""
