#!/bin/bash
# Two jars come first: the others hold classes of the same names.
set -euo pipefail
[ "${1:-}" = operator ] || exec "$@"
first=(./flink-kubernetes-standalone-*.jar ./flink-kubernetes-operator-[0-9]*.jar)
# shellcheck disable=SC2086 # options are lists of words
exec java -cp "${first[0]}:${first[1]}:./*" ${LOG_CONFIG:-} ${JVM_ARGS:-} org.apache.flink.kubernetes.operator.FlinkOperator
