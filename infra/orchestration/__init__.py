"""The tasks, operators, triggers and connections of the DAGs. Only this package of `infra` imports Airflow."""
