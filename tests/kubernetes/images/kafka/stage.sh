# Sourced by docker/build.sh: fills $CONTEXT, and may add to arguments.
copy_jars jars kafka
