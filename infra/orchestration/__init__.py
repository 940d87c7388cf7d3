"""What the DAGs share: tasks, operators, triggers and links. The only part of `infra` that knows Airflow."""
