"""Every connection of docs/connections.md is valid JSON with fields that the platform reads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from infra.settings import ROOT

PAGE = (ROOT / "docs" / "connections.md").read_text(encoding="utf-8")
EXPORTED = re.findall(r"^export AIRFLOW_CONN_(\w+)='(.*)'$", PAGE, re.MULTILINE)
ADDED = re.findall(r"^airflow connections add (\w+) --conn-json '(.*)'$", PAGE, re.MULTILINE)
CONNECTIONS = [(name.lower(), json.loads(text)) for name, text in EXPORTED + ADDED]
JOBS_KEYS = {"jobs_host", "jobs_port", "ssl_mode", "ssl_ca"}


def test_page_has_every_connection_in_both_forms() -> None:
    names = {f"olympics_{suffix}" for suffix in ("mysql", "mysql_cdc", "mysql_reader", "kafka")} | {
        "kubernetes_default"
    }
    assert {name.lower() for name, _ in EXPORTED} == {name for name, _ in ADDED} == names


@pytest.mark.parametrize(("name", "fields"), CONNECTIONS)
def test_connection_has_the_fields_of_its_type(name: str, fields: dict[str, Any]) -> None:
    extra = fields.get("extra", {})
    kind = name.split("_")[1] if name.startswith("olympics_") else "kubernetes"
    assert fields["conn_type"] == kind
    if kind == "mysql":
        assert fields.keys() - {"extra"} == {"conn_type", "host", "port", "schema", "login", "password"}
        assert extra.keys() <= JOBS_KEYS
        assert not extra or name == "olympics_mysql_cdc"
    elif kind == "kubernetes":
        assert "namespace" in extra
    else:
        options = {key.replace(".", "_") for key in extra if not key.startswith("jobs.")}
        for client in (KafkaAdminClient, KafkaConsumer, KafkaProducer):
            assert options <= client.DEFAULT_CONFIG.keys()
