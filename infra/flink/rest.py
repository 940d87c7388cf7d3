"""A small client of Flink's REST API (https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/ops/rest_api/)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from infra.errors import JobFailedError, TerminalError, UnreachableError
from infra.waiting import wait_until

SAVEPOINT_TIMEOUT_SECONDS = 180

Fetch = Callable[[str], dict[str, Any] | None]


class FlinkRest:
    """The REST API of one Flink cluster; every method raises UnreachableError if the cluster does not answer.

    `fetch` replaces HTTP for reads, for example with the proxy of a Kubernetes API server: it gets a path and returns
    the response, or None for status 404.
    """

    def __init__(self, url: str, timeout_seconds: float = 10.0, fetch: Fetch | None = None) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._fetch = fetch

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs that the cluster lists: `jid`, `name`, `state`, `start-time` and `duration` (ms)."""
        jobs: list[dict[str, Any]] = self._get("/jobs/overview")["jobs"]
        return jobs

    def job_parameters(self, job_id: str) -> dict[str, str]:
        """Return the global parameters that the job was submitted with; empty while it initializes."""
        config = self._get(f"/jobs/{job_id}/config", missing_ok=True)
        parameters: dict[str, str] = config.get("execution-config", {}).get("user-config", {})
        return parameters

    def checkpoints(self, job_id: str) -> dict[str, Any]:
        """Return checkpoint statistics: `counts` and `latest`; empty while the job initializes."""
        return self._get(f"/jobs/{job_id}/checkpoints", missing_ok=True)

    def checkpoint_interval_ms(self, job_id: str) -> int:
        """Return the pause between two checkpoints; 0 while the job initializes."""
        return int(self._get(f"/jobs/{job_id}/checkpoints/config", missing_ok=True).get("interval", 0))

    def exceptions(self, job_id: str) -> list[dict[str, Any]]:
        """Return the failures, newest first: `exceptionName`, `stacktrace`, `timestamp` (ms)."""
        answer = self._get(f"/jobs/{job_id}/exceptions", missing_ok=True)
        entries: list[dict[str, Any]] = answer.get("exceptionHistory", {}).get("entries", [])
        return sorted(entries, key=lambda entry: -int(entry["timestamp"]))

    def task_manager_mb(self) -> int | None:
        """Return the memory of the largest TaskManager's process in MiB; None while none is registered."""
        workers = self._get("/taskmanagers", missing_ok=True).get("taskmanagers", [])
        sizes = [int(worker.get("memoryConfiguration", {}).get("totalProcessMemory") or 0) for worker in workers]
        return max(sizes, default=0) // 2**20 or None

    def stop_with_savepoint(
        self, job_id: str, directory: Path | str, timeout_seconds: float = SAVEPOINT_TIMEOUT_SECONDS
    ) -> str:
        """Stop a job and return the path of its savepoint; JobFailedError if Flink could not take one."""
        body = {"targetDirectory": str(directory), "drain": False}
        trigger = self._request("POST", f"/jobs/{job_id}/stop", json=body)["request-id"]

        def finished() -> dict[str, Any] | None:
            answer = self._get(f"/jobs/{job_id}/savepoints/{trigger}")
            return answer["operation"] if answer["status"]["id"] == "COMPLETED" else None

        operation = wait_until(finished, f"the savepoint of job {job_id}", timeout_seconds)
        if "failure-cause" in operation:
            raise JobFailedError(
                f"job {job_id}: the savepoint failed: {root_cause(operation['failure-cause']['stack-trace'])}"
            )
        return str(operation["location"])

    def cancel(self, job_id: str) -> None:
        """Request that a job ends; it has ended when its state changes."""
        self._request("PATCH", f"/jobs/{job_id}", params={"mode": "cancel"})

    def _get(self, path: str, missing_ok: bool = False) -> dict[str, Any]:
        if self._fetch:
            found = self._fetch(path)
            if found is None and not missing_ok:
                raise UnreachableError(f"{self.url} returned 404 for {path}. The JobManager may still be starting.")
            return found or {}
        return self._request("GET", path, missing_ok=missing_ok)

    def _request(self, method: str, path: str, missing_ok: bool = False, **options: Any) -> dict[str, Any]:
        try:
            response = httpx.request(method, self.url + path, timeout=self._timeout, **options)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"cannot reach Flink at {self.url}: {error}. "
                "Check that it runs (`make status`) and that its address is correct."
            ) from None
        if response.status_code == httpx.codes.NOT_FOUND and missing_ok:
            return {}
        if response.status_code in (httpx.codes.INTERNAL_SERVER_ERROR, httpx.codes.SERVICE_UNAVAILABLE):
            raise UnreachableError(f"Flink returned {response.status_code} for {method} {path}: {response.text[:500]}")
        if response.is_error:
            raise TerminalError(f"Flink returned {response.status_code} for {method} {path}: {response.text[:500]}")
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer


def root_cause(stack_trace: str) -> str:
    """Return the innermost `Caused by` line of a Java stack trace, or its first line if there is none."""
    lines = [line.strip() for line in stack_trace.strip().splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or ["unknown"])[-1 if causes else 0]
