"""Both shipped pipelines at the same time on the same local stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from infra.checks.audit import audit_records
from infra.checks.outputs import check_outputs
from infra.pipeline import load_pipeline
from infra.settings import ROOT
from infra.stacks.local.stack import mysql_endpoint
from tests.local.olympic_events.conftest import Deployment
from tests.support.olympics_model import SEED, expected_outputs, in_order


def olympics(deployment: Deployment, *arguments: str) -> str:
    """Run `make run` or `make results` for the pipeline `olympics`, and return the output."""
    command = [sys.executable, "-m", "infra", *arguments]
    environment = {**os.environ, **deployment.stack.environ}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_both_pipelines_run_and_both_checks_agree(deployment: Deployment) -> None:
    olympics(deployment, "run")
    pipeline, kafka = load_pipeline(ROOT / "flink_jobs" / "olympics"), deployment.stack.kafka
    assert pipeline.audit is not None

    deployment.await_agreement()
    reader = mysql_endpoint(deployment.stack.settings, "reader", "olympics")
    check_outputs(pipeline, reader, kafka, list, str)
    report = audit_records(pipeline, pipeline.audit, kafka)

    assert {"counted": 4, "duplicate": 1}.items() <= report.dispositions.items()
    found: dict[str, list[dict[str, Any]]] = json.loads(olympics(deployment, "results", "--format", "json"))
    expected = {f"olympics.{topic}": list(values.values()) for topic, values in expected_outputs(SEED).items()}
    assert {topic: in_order(values) for topic, values in found.items()} == {
        topic: in_order(values) for topic, values in expected.items()
    }
