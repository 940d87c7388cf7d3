"""The pipeline `olympics`, deployed on a local stack whose broker and database refuse plain text."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from infra.pipeline import load_pipeline
from infra.settings import ROOT, Settings
from infra.stacks.local.certificates import certificates
from infra.stacks.local.private import private_environment
from tests.local.conftest import running_stack
from tests.local.olympics.conftest import Deployment


@pytest.fixture(scope="package", params=["tls", "mtls"])
def security(request: pytest.FixtureRequest) -> str:
    """How clients log in: with a password over TLS, or with a certificate."""
    return str(request.param)


@pytest.fixture(scope="package")
def deployed(security: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, set[str]]]:
    """The deployed pipeline, and every argument that a process of this machine had in the meantime."""
    environ = private_environment(tmp_path_factory.mktemp(security) / "data", security)
    with running_stack(environ) as stack:
        deployment = Deployment(stack, load_pipeline(ROOT / "flink_jobs" / "olympics"))
        with watched_arguments() as arguments:
            deployment.run()
        yield deployment, arguments


@contextmanager
def watched_arguments() -> Iterator[set[str]]:
    """Collect the arguments of all processes until the end of the block."""
    found: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):  # the client that submits a job runs for seconds
            for process in psutil.process_iter(["cmdline"]):
                found.update(process.info["cmdline"] or ())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def secrets_of(settings: Settings) -> dict[str, list[bytes]]:
    """Return every password and private key of the stack as the texts to look for, by name."""
    passwords: dict[str, str] = json.loads((settings.data_dir / "secrets.json").read_text())
    found = {name: _forms(value) for name, value in passwords.items()}
    for key in (certificates(settings).server_key, certificates(settings).client_key):
        lines = key.read_text().splitlines()[1:-1]
        found[key.name] = [lines[len(lines) // 2].encode()]
    return found


def _forms(password: str) -> list[bytes]:
    """Return a password as text, as Java serializes characters, and in base64."""
    return [password.encode(), password.encode("utf-16-be"), base64.b64encode(password.encode())]


def files_of(settings: Settings) -> Iterator[Path]:
    """Yield the files of the stack that are not meant to have secrets: state, blobs, logs, scripts, Airflow's.

    A running job deletes its old checkpoints at the same time.
    """
    data = settings.data_dir
    for top in ("flink", "logs", "jobs", "airflow", "checks", "run"):
        for folder, _, names in os.walk(data / top):  # skips deleted folders, which rglob does not
            for path in (Path(folder, name) for name in names):
                is_secret = data / "flink" / "secrets" in path.parents or path.name == "connections.json"
                if path.is_file() and not path.is_symlink() and not is_secret:
                    yield path
