"""Flink options that every target renders the same way: how a job identifies itself, keeps its state, and recovers.

`recovery_options` and `state_options` are the one definition of these policies. The local stack,
docker/flink-config.yaml and the FlinkDeployment of the target `kubernetes` are rendered from them, or compared with
them by a test.
"""

from __future__ import annotations

from infra.jobs.job import JobSpec
from infra.versions import load_versions

# The part of a TaskManager's memory in which RocksDB keeps what it has just written and read; the rest is on disk.
STATE_MEMORY_PERCENT = 35

# The file of a session cluster's state folder that a TaskManager writes when its heap is full.
OUT_OF_MEMORY_FILE = "out-of-memory"

REVISION_OPTION = "pipeline.global-job-parameters"


def identity_options(job: JobSpec) -> dict[str, str]:
    """Return the options with which a running job reports its name and its revision."""
    return {"pipeline.name": job.name, REVISION_OPTION: f"revision:{job.revision}"}


def recovery_options(checkpoint_interval_ms: int) -> dict[str, str]:
    """Return the checkpoint and restart policy of a job and of its cluster, with Flink's own option names.

    A job restarts without a limit, quickly at first. Single failed checkpoints do not count as job failures
    (Flink's default tolerates none), and a lost TaskManager is noticed within seconds instead of Flink's 50 s.
    """
    return {
        "execution.checkpointing.interval": f"{checkpoint_interval_ms} ms",
        "execution.checkpointing.min-pause": "500 ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.tolerable-failed-checkpoints": "10",
        # Flink reports the newest checkpoint with a delay of seconds; the one that it reported must still exist.
        "execution.checkpointing.num-retained": "3",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "500 ms",
        "restart-strategy.exponential-delay.max-backoff": "5 s",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "1 min",
        "heartbeat.interval": "3 s",
        "heartbeat.timeout": "12 s",
        "web.exception-history-size": "50",
    }


def state_options() -> dict[str, str]:
    """Return where job state is: on disk, with a bounded cache in memory, so that more rows are slower but never fatal.

    A checkpoint writes only what has changed since the last one. docs/adr/0011 has the measurements behind this.
    """
    return {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "state.backend.rocksdb.use-bloom-filter": "true",  # most rows of a snapshot are new, and are looked up first
        # The first levels are short-lived files; compressing them took a tenth of the job's CPU.
        "state.backend.rocksdb.compression.per.level": "NO_COMPRESSION;NO_COMPRESSION;SNAPPY_COMPRESSION",
        "taskmanager.memory.managed.fraction": f"{STATE_MEMORY_PERCENT / 100}",
    }


def exit_options() -> str:
    """Return the Java option that ends a process whose heap is full, with exit code 3.

    Otherwise the JVM collects garbage for up to a minute, and then any of its threads can be the one that fails.
    """
    return "-XX:+ExitOnOutOfMemoryError"


def exit_options_of_session(file: str) -> str:
    """Return the Java options with which a TaskManager of a session cluster also writes `file` before it ends.

    Flink itself reports only that the TaskManager is lost. Flink's scripts evaluate the options in a shell and split
    them at spaces, so the command has none, and the backslash is for that shell.
    """
    return rf"{exit_options()} -XX:OnOutOfMemoryError=:\>{file}"


def session_cluster_options() -> dict[str, str]:
    """Return the options that a session cluster requires in addition to the recovery policy."""
    return {
        "cluster.registration.error-delay": "500",  # ms; the default delays a TaskManager that starts first by 10 s
        "jobstore.expiration-time": str(30 * 24 * 3600),  # seconds that finished and failed jobs stay visible
        # Our own class, which keeps in a folder what a JobManager needs to run the jobs of the one before it.
        "high-availability.type": "olympicstreaming.FileHighAvailability",
        # What another minor release has written may not be readable; its jobs start with the next deployment.
        "high-availability.cluster-id": f"flink-{load_versions().flink.flink.rpartition('.')[0]}",
    }
