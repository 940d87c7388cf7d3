"""Every error that this platform raises on purpose.

    PlatformError
    ├── TerminalError            trying again changes nothing: somebody must mend something
    │   ├── DefinitionError            a pipeline.yaml is wrong
    │   ├── SettingsError        a setting of the local stack is wrong
    │   ├── SetupError           this machine or cluster lacks something
    │   ├── DataFileError        a seed file is wrong
    │   ├── SchemaError          a table is not what the pipeline needs
    │   ├── AccessDeniedError    a system knows us not, or does not let us do this
    │   ├── PreflightError       the database is not ready for change data capture
    │   ├── TopicDriftError      a topic differs in a way that cannot be altered
    │   ├── JobFailedError       a Flink job failed, or will never become healthy
    │   ├── StateMismatchError   a job's saved state does not fit its new revision
    │   ├── RepublishError       quarantined records cannot be published again like this
    │   ├── CheckFailedError     outputs differ from the recomputation
    │   └── DagFailedError       a DAG run failed
    └── TransientError           the same call may succeed later
        ├── UnreachableError     a system did not answer
        ├── WaitTimeoutError    a deadline passed before something became true
        └── InconclusiveError    the source kept changing, so nothing can be said

A message names what is wrong, where, what is allowed, and how to mend it.
"""

from __future__ import annotations


class PlatformError(Exception):
    """Base of the tree; `str(error)` is meant for a person."""


class TerminalError(PlatformError):
    """Trying again changes nothing."""


class TransientError(PlatformError):
    """The same call may succeed later."""


class DefinitionError(TerminalError):
    """A pipeline.yaml is wrong."""


class SettingsError(TerminalError):
    """A setting of the local stack is wrong."""


class SetupError(TerminalError):
    """This machine or cluster lacks something, such as Java, a free port or the Flink operator."""


class DataFileError(TerminalError):
    """A seed file is wrong; nothing of it was loaded."""


class SchemaError(TerminalError):
    """A table is not what the pipeline needs."""


class AccessDeniedError(TerminalError):
    """A system refused our user, password or privileges."""


class PreflightError(TerminalError):
    """The database is not ready for change data capture."""


class TopicDriftError(TerminalError):
    """A topic differs from its spec in a way that cannot be altered."""


class JobFailedError(TerminalError):
    """A Flink job failed, or will never become healthy."""


class StateMismatchError(TerminalError):
    """The saved state of a job does not fit its new revision."""


class RepublishError(TerminalError):
    """A filter or mapping for quarantined records is wrong; nothing was sent."""


class CheckFailedError(TerminalError):
    """Outputs differ from the independent recomputation."""


class DagFailedError(TerminalError):
    """A DAG run failed; the message carries what its steps said."""


class UnreachableError(TransientError):
    """A system did not answer."""


class WaitTimeoutError(TransientError):
    """A deadline passed before something became true."""


class InconclusiveError(TransientError):
    """The source kept changing, so that nothing can be said."""
