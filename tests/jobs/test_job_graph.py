"""What Flink stores of a job has references to its secrets, and the secrets themselves are nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flink_jobs.shared.run_sql import render_statement, run_step
from infra.endpoints import KafkaEndpoint, MySqlEndpoint, MySqlTls
from infra.jobs.render import render_job
from infra.pipeline import load_pipeline
from infra.settings import ROOT
from infra.targets.secret_files import write_secrets
from tests.jobs.flink import flink_environment

PASSWORDS = ("swordfish-of-kafka", "marlin-of-mysql")


def test_job_graph_has_references_only(tmp_path: Path) -> None:
    from pyflink.java_gateway import get_gateway

    ca = tmp_path / "ca.crt"
    ca.write_text("certificate-of-an-authority")
    properties = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "platform",
        "sasl_plain_password": PASSWORDS[0],
        "ssl_cafile": str(ca),
    }
    mysql = MySqlEndpoint("db", 3306, "olympics_cdc", PASSWORDS[1], "olympics", tls=MySqlTls("VERIFY_CA", str(ca)))
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")
    kafka = KafkaEndpoint("127.0.0.1:1", properties)
    job = render_job(pipeline, "players_cdc", kafka, mysql, str(tmp_path / "secrets"))
    write_secrets(job, tmp_path / "secrets" / job.name)  # so that a reference that is resolved too early is found

    environment = flink_environment(job.configuration)
    steps = [path for path in pipeline.job_files("players_cdc") if path.name[0].isdigit()]
    for path in steps[:-1]:
        run_step(environment, path, render_statement(path, job.arguments, {}), job.arguments)
    graph = _job_graph(environment, steps[-1].read_text())

    java = get_gateway().jvm
    stored = bytes(java.org.apache.flink.util.InstantiationUtil.serializeObject(graph))
    for password in PASSWORDS:
        assert password.encode() not in stored
        assert password.encode("utf-16-be") not in stored
    assert b"${secret:" in stored
    assert b"${quoted:" in stored
    assert b"certificate-of-an-authority" not in stored
    shown = java.org.apache.flink.runtime.jobgraph.jsonplan.JsonPlanGenerator.generatePlan(graph)
    assert [text for text in (*PASSWORDS, "${") if text in json.dumps(json.loads(shown))] == []


def _job_graph(environment: Any, statement: str) -> Any:
    """Return the job graph of an INSERT, as a submission stores it."""
    statements = environment._j_tenv.createStatementSet()
    statements.addInsertSql(statement)
    statements.attachAsDataStream()
    return environment._j_tenv.execEnv().getStreamGraph().getJobGraph()
