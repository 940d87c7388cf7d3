"""What the DAGs share: tasks, operators, triggers and connections. Only this part of `infra` imports Airflow."""
