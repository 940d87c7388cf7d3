"""Flink's REST API, command-line output and Java options, as far as deploying and watching jobs requires them."""
