#!/bin/bash
# KAFKA_SOME_THING becomes some.thing of server.properties, as in apache/kafka; ___ is a dash, __ an underscore.
set -euo pipefail
config=/opt/kafka/config/server.properties
env | grep '^KAFKA_' | grep -vE '^KAFKA_(HEAP_OPTS|JVM_PERFORMANCE_OPTS|OPTS|LOG4J_[A-Z_]*)=' | while IFS='=' read -r name value; do
  key=$(echo "${name#KAFKA_}" | tr '[:upper:]' '[:lower:]' | sed 's/___/-/g; s/__/%/g; s/_/./g; s/%/_/g')
  echo "$key=$value"
done > "$config"
# shellcheck disable=SC2206 # options are lists of words
java=(java ${KAFKA_HEAP_OPTS:-} ${KAFKA_JVM_PERFORMANCE_OPTS:-} -Dlog4j2.configurationFile=file:/etc/kafka/docker/log4j2.properties -cp "/opt/kafka/libs/*")
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted --cluster-id "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" --config "$config"
exec "${java[@]}" kafka.Kafka "$config"
