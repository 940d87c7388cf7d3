"""Apache Flink's REST API, as far as deploying and watching jobs needs it."""
