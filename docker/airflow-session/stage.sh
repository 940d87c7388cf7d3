# Sourced by docker/build.sh: add files to $CONTEXT and elements to `arguments`.
arguments=(--build-arg "AIRFLOW_IMAGE=$REPOSITORY/airflow:$TAG" --build-arg "FLINK_IMAGE=$REPOSITORY/flink:$TAG")
