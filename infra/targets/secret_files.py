"""The secrets of a job as files, which its processes read when they connect."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from infra.errors import SettingsError
from infra.jobs.job import JobSpec, Secret
from infra.jobs.logins import KEY

_PKCS8 = re.compile(rb"-----BEGIN (ENCRYPTED )?PRIVATE KEY-----")


def write_secrets(job: JobSpec, folder: Path) -> None:
    """Make the folder have exactly the job's secrets, as `<Secret>/<key>` with mode 600; running jobs may read them.

    SettingsError names a file of a connection that cannot be read.
    """
    if not job.secrets:
        shutil.rmtree(folder, ignore_errors=True)
        return
    expected = {folder / secret.name / secret.key: _content(job, secret) for secret in job.secrets}
    for path, content in expected.items():
        for parent in (folder.parent, folder, path.parent):
            parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, scratch = tempfile.mkstemp(dir=path.parent)  # has mode 600
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(scratch).replace(path)
    for path in folder.glob("*/*"):
        if path not in expected:
            path.unlink()


def _content(job: JobSpec, secret: Secret) -> bytes:
    if not secret.file:
        return secret.value.encode()
    try:
        content = Path(secret.file).read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{job.name}: the file {secret.file} of its connection cannot be read: {error.strerror}. Expected it where "
            "tasks run. Fix the path in the connection's extra, or mount the file."
        ) from error
    if secret.key == KEY and not _PKCS8.search(content):
        raise SettingsError(
            f"{job.name}: the file {secret.file} of its connection is not a PKCS #8 key. Expected PEM with "
            "BEGIN PRIVATE KEY, which the jobs can read. Convert it with `openssl pkcs8 -topk8 -nocrypt`."
        )
    return content
