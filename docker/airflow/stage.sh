# Sourced by docker/build.sh: fills $CONTEXT, and may add to arguments.
mkdir "$CONTEXT/source"
git ls-files -z --cached --others --exclude-standard dags infra flink_jobs | xargs -0 cp -p --parents -t "$CONTEXT/source"
