#!/bin/bash
# The contract of Flink's official image: `jobmanager` and `taskmanager` for session clusters; anything else is a command,
# such as the `bash -c "kubernetes-jobmanager.sh ..."` of native Kubernetes mode.
set -euo pipefail
# RocksDB allocates outside of the JVM. With glibc's allocator the process grows beyond its limit and is killed, so Flink
# recommends jemalloc: https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/deployment/memory/mem_trouble/
export LD_PRELOAD=libjemalloc.so.2
case ${1:-} in
  jobmanager | taskmanager | standalone-job)
    program=$1
    shift
    exec "$FLINK_HOME/bin/$program.sh" start-foreground "$@"
    ;;
  "") echo "usage: jobmanager | taskmanager | standalone-job | COMMAND [ARGUMENT...]" >&2; exit 2 ;;
  *) exec "$@" ;;
esac
