"""Spark Structured Streaming: micro-batches, each of which merges its records into tables on disk.

Spark's streaming aggregations cannot take back a row that has changed or was deleted, so `foreachBatch` keeps the rows
as Parquet, computes all results again, and writes those that differ from the results of the batch before. The tables
of the last batch and Spark's checkpoint together recover it. A batch has at most a million records.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from infra.bench.peers.contract import MAX_BYTES, read_arguments, report_ready

KEY, VALUE = "id INT", "id INT, name STRING, nationality STRING, score INT"
ROW = "id INT, name STRING, nationality STRING, score INT"
RECORDS_OF_A_BATCH = 1_000_000


class Results:
    """The tables of the last batch, and how the next one changes them."""

    def __init__(self, spark: SparkSession, servers: str, results: str, folder: Path) -> None:
        self._spark = spark
        self._servers = servers
        self._prefix = results
        self._folder = folder
        self._rows = spark.createDataFrame([], ROW)
        self._results = spark.createDataFrame([], "topic STRING, key STRING, value STRING")

    def apply(self, batch: DataFrame, number: int) -> None:
        """Merge a batch, and write the results that have changed."""
        parsed = _parsed(batch).cache()
        invalid = parsed.where(~f.col("valid")).select(
            f.lit(f"{self._prefix}.quarantine").alias("topic"), f.lit(None).cast("string").alias("key"), "value"
        )
        last = (
            parsed.where("valid")
            .groupBy("id")
            .agg(f.max_by(f.struct("name", "nationality", "score", "deleted"), "offset").alias("last"))
            .select("id", "last.*")
        )
        kept = self._rows.join(last, "id", "left_anti")
        rows = self._stored("rows", number, kept.unionByName(last.where("NOT deleted").drop("deleted")))
        results = self._stored("results", number, _results(rows, self._prefix))
        before = self._results.withColumnRenamed("value", "before")
        changed = (
            results.join(before, ["topic", "key"], "full_outer")
            .where(~f.col("value").eqNullSafe(f.col("before")))
            .select("topic", "key", "value")
        )
        self._write(changed.unionByName(invalid))
        self._rows, self._results = rows, results
        self._spark.catalog.clearCache()

    def _stored(self, name: str, number: int, table: DataFrame) -> DataFrame:
        path = str(self._folder / f"{name}-{number}")
        table.write.mode("overwrite").parquet(path)
        return self._spark.read.schema(table.schema).parquet(path)

    def _write(self, records: DataFrame) -> None:
        options = {"kafka.bootstrap.servers": self._servers, "kafka.compression.type": "lz4", "kafka.linger.ms": "5"}
        records.write.format("kafka").options(**options).save()


def _parsed(batch: DataFrame) -> DataFrame:
    """Return the fields of each record, and whether it is valid."""
    records = batch.select(
        "offset",
        f.col("value").cast("string").alias("value"),
        f.from_json(f.col("key").cast("string"), KEY).alias("in_key"),
        f.from_json(f.col("value").cast("string"), VALUE).alias("fields"),
        f.col("value").isNull().alias("deleted"),
        (f.coalesce(f.length("key"), f.lit(0)) <= MAX_BYTES).alias("is_small"),
    )
    complete = [f.col(f"fields.{name}").isNotNull() for name in ("name", "nationality", "score")]
    same = f.col("fields.id") == f.col("in_key.id")
    is_row = f.coalesce(same & complete[0] & complete[1] & complete[2], f.lit(False))
    small = f.col("is_small") & (f.coalesce(f.length("value"), f.lit(0)) <= MAX_BYTES)
    valid = f.col("in_key.id").isNotNull() & small & (f.col("deleted") | is_row)
    return records.withColumn("valid", valid).select(
        "offset", "value", "valid", "deleted", f.col("in_key.id").alias("id"), "fields.name", "fields.nationality",
        "fields.score",
    )  # fmt: skip


def _results(rows: DataFrame, prefix: str) -> DataFrame:
    """Return every result as topic, key and value."""
    checked = rows.withColumn("kept_id", f.min("id").over(Window.partitionBy("name"))).cache()
    athletes = checked.where("id = kept_id").drop("kept_id")
    first = f.struct(-f.col("score"), f.col("id"))
    statistics = (
        athletes.groupBy("nationality")
        .agg(
            f.count("*").alias("athletes"),
            (f.sum(f.col("score").cast("long")).cast("double") / f.count("*")).alias("average_score"),
            f.min_by(f.struct("name", "id", "score"), first).alias("top"),
        )
        .select(
            "nationality", "athletes", "average_score", f.col("top.name").alias("top_athlete"),
            f.col("top.id").alias("top_athlete_id"), f.col("top.score").alias("top_score"),
        )
    )  # fmt: skip
    best = statistics.orderBy(f.desc("average_score"), "nationality").limit(1).withColumn("position", f.lit(1))
    top = athletes.orderBy(f.desc("score"), "id").limit(3)
    ranked = top.withColumn("rank", f.row_number().over(Window.orderBy(f.desc("score"), "id")))
    outputs: list[tuple[str, str, DataFrame, list[str]]] = [
        ("athletes", "name", athletes, ["name", "id", "nationality", "score"]),
        ("duplicates", "id", checked.where("id <> kept_id"), ["id", "name", "nationality", "score", "kept_id"]),
        ("nationality_stats", "nationality", statistics, statistics.columns),
        (
            "best_nationality", "position", best,
            ["position", "nationality", "average_score", "top_athlete", "top_score"],
        ),
        ("top_athletes", "rank", ranked, ["rank", "id", "name", "nationality", "score"]),
    ]  # fmt: skip
    found: Any = None
    for output, key, table, columns in outputs:
        each = table.select(
            f.lit(f"{prefix}.{output}").alias("topic"), _json(key, name="key"), _json(*columns, name="value")
        )
        found = each if found is None else found.unionByName(each)
    return found


def _json(*columns: str, name: str) -> Column:
    return f.to_json(f.struct(*columns)).alias(name)


def main() -> None:
    """Start the query, and run it until the process is stopped."""
    options = read_arguments()
    folder = Path(options.scratch)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", options.jars)
        .config("spark.driver.memory", "4g")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.ui.enabled", "false")
        .config("spark.local.dir", str(folder / "spark"))
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    results = Results(spark, options.servers, options.results, folder)
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", options.servers)
        .option("subscribe", options.source)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", RECORDS_OF_A_BATCH)
        .load()
    )
    report_ready()
    query = records.writeStream.foreachBatch(results.apply).option("checkpointLocation", str(folder / "checkpoint"))
    query.start().awaitTermination()


if __name__ == "__main__":
    main()
