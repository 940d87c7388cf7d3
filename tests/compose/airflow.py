"""A client of Airflow's REST API, such as a user's script has."""

from __future__ import annotations

from typing import Any

import httpx

from infra.errors import UnreachableError
from infra.waiting import wait_until

RUN_SECONDS = 540.0
_ENDED = ("success", "failed")


class Airflow:
    """The API at `url`; a failed run is an AssertionError with the logs of its tasks."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._request("GET", f"/api/v2/{path}").json()
        return answer

    def deploy(self, **conf: object) -> dict[str, list[str]]:
        """Run `olympics_deploy`, and return the log lines of each task."""
        return self.run_dag("olympics_deploy", **conf)

    def run_dag(self, dag: str, **conf: object) -> dict[str, list[str]]:
        """Trigger a DAG, wait until it succeeds, and return the log lines of each task."""
        body = {"logical_date": None, "conf": conf}
        run = self._request("POST", f"/api/v2/dags/{dag}/dagRuns", json=body).json()["dag_run_id"]
        path = f"dags/{dag}/dagRuns/{run}"

        def ended() -> str | None:
            state: str = self.get(path)["state"]
            return state if state in _ENDED else None

        state = wait_until(ended, f"the end of run {run}", RUN_SECONDS, poll_seconds=1, hint=lambda: self._states(path))
        tasks = self.get(f"{path}/taskInstances")["task_instances"]
        assert state == "success", "\n".join(self._log(path, task) for task in tasks if task["state"] == "failed")
        return {task["task_id"]: self._steps(path, task) for task in tasks}

    def _states(self, path: str) -> str:
        tasks = self.get(f"{path}/taskInstances")["task_instances"]
        return "; ".join(f"{task['task_id']} is {task['state']}" for task in tasks)

    def _events(self, path: str, task: dict[str, Any]) -> list[dict[str, Any]]:
        attempt = max(task["try_number"], 1)
        events: list[dict[str, Any]] = self.get(f"{path}/taskInstances/{task['task_id']}/logs/{attempt}")["content"]
        return events

    def _steps(self, path: str, task: dict[str, Any]) -> list[str]:
        return [event["event"] for event in self._events(path, task) if event.get("logger") == "infra.tasks"]

    def _log(self, path: str, task: dict[str, Any]) -> str:
        events = [str(event.get("event")) for event in self._events(path, task)]
        return f"--- {task['task_id']}\n" + "\n".join(events)[-4000:]

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            token = httpx.get(f"{self.url}/auth/token", timeout=30).raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = httpx.request(method, self.url + path, headers=headers, timeout=30, **options)
        except httpx.TransportError as error:
            raise UnreachableError(f"Airflow at {self.url}: {error}") from None
        assert not answer.is_error, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer
