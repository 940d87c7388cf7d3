# Sourced by docker/build.sh: add files to $CONTEXT and elements to `arguments`.
copy_jars jars flink
copy_functions
