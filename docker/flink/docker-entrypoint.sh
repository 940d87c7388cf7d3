#!/bin/bash
# The contract of Flink's official image: `jobmanager` and `taskmanager` for session clusters; anything else is a command,
# such as the `bash -c "kubernetes-jobmanager.sh ..."` of native Kubernetes mode.
set -euo pipefail
case ${1:-} in
  jobmanager | taskmanager | standalone-job)
    program=$1
    shift
    exec "$FLINK_HOME/bin/$program.sh" start-foreground "$@"
    ;;
  "") echo "usage: jobmanager | taskmanager | standalone-job | COMMAND [ARGUMENT...]" >&2; exit 2 ;;
  *) exec "$@" ;;
esac
