# Sourced by docker/build.sh: add files to $CONTEXT and elements to `arguments`.
mkdir "$CONTEXT/source"
git ls-files -z --cached --others --exclude-standard dags infra flink_jobs | xargs -0 cp -p --parents -t "$CONTEXT/source"
