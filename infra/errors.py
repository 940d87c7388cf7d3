"""Every error that this platform raises on purpose.

    PlatformError
    ├── TerminalError            retrying will not help; fix the cause first
    │   ├── DefinitionError      a pipeline.yaml is invalid
    │   ├── SettingsError        a setting or a connection is invalid
    │   ├── SetupError           this machine or cluster lacks something
    │   ├── DataFileError        a data file is invalid
    │   ├── SchemaError          a table differs from what the pipeline requires
    │   ├── AccessDeniedError    a system rejected our credentials or privileges
    │   ├── PreflightError       the database is not ready for change data capture
    │   ├── TopicDriftError      a topic differs in a way that cannot be altered
    │   ├── JobFailedError       a Flink job failed, or will never become healthy
    │   ├── JobMemoryError       a Flink job ran out of memory
    │   ├── StateMismatchError   the job state does not fit the new revision
    │   ├── RepublishError       quarantined records cannot be republished as requested
    │   ├── CheckFailedError     outputs differ from the recomputation
    │   └── DagFailedError       a DAG run failed
    └── TransientError           the same call can succeed later
        ├── UnreachableError     a system did not answer
        ├── WaitTimeoutError     a wait ran out before its condition became true
        └── InconclusiveError    the source kept changing, so the check proved nothing

A message states the thing, the fact, what was expected, and the fix.
"""

from __future__ import annotations


class PlatformError(Exception):
    """The base of the tree; `str(error)` is written for a person."""


class TerminalError(PlatformError):
    """Retrying will not help; fix the cause first."""


class TransientError(PlatformError):
    """The same call can succeed later."""


class DefinitionError(TerminalError):
    """A pipeline.yaml is invalid."""


class SettingsError(TerminalError):
    """A setting or a connection is invalid."""


class SetupError(TerminalError):
    """This machine or cluster lacks something, such as Java, a free port or the Flink operator."""


class DataFileError(TerminalError):
    """A data file is invalid; none of it was loaded."""


class SchemaError(TerminalError):
    """A table differs from what the pipeline requires."""


class AccessDeniedError(TerminalError):
    """A system rejected our credentials or privileges."""


class PreflightError(TerminalError):
    """The database is not ready for change data capture."""


class TopicDriftError(TerminalError):
    """A topic differs from its definition in a way that cannot be altered."""


class JobFailedError(TerminalError):
    """A Flink job failed, or will never become healthy."""


class JobMemoryError(TerminalError):
    """A Flink job ran out of memory."""


class StateMismatchError(TerminalError):
    """The job state does not fit the new revision."""


class RepublishError(TerminalError):
    """A filter or mapping for quarantined records is invalid; nothing was sent."""


class CheckFailedError(TerminalError):
    """Outputs differ from the independent recomputation."""


class DagFailedError(TerminalError):
    """A DAG run failed; the message has the errors of its tasks."""


class UnreachableError(TransientError):
    """A system did not answer."""


class WaitTimeoutError(TransientError):
    """A wait ran out before its condition became true."""


class InconclusiveError(TransientError):
    """The source kept changing, so the check proved nothing."""
