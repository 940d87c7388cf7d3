# Sourced by docker/build.sh: fills $CONTEXT, and may add to arguments.
arguments=(--build-arg "AIRFLOW_IMAGE=$REPOSITORY/airflow:$TAG" --build-arg "FLINK_IMAGE=$REPOSITORY/flink:$TAG")
