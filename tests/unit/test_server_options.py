"""Broker and database have the same options on the local stack, with Docker Compose and in the chart."""

from __future__ import annotations

import configparser
import re

import yaml

from infra.settings import ROOT, load_settings
from infra.stacks.local.database import render_my_cnf
from infra.stacks.local.kafka import render_server_properties
from infra.stacks.server_options import BROKER_OPTIONS, DATABASE_FLAGS, DATABASE_OPTIONS

SERVICES = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
TEMPLATES = ROOT / "helm" / "olympic-streaming" / "templates"


def variable(option: str) -> str:
    """Return the environment variable of an option for the Kafka image."""
    return f"KAFKA_{option.upper().replace('.', '_')}"


def arguments(words: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word.removeprefix("--").partition("=") for word in words)}


def test_broker_of_the_local_stack() -> None:
    lines = dict(line.split("=", 1) for line in render_server_properties(load_settings({})).splitlines())

    assert BROKER_OPTIONS.items() <= lines.items()


def test_broker_of_compose() -> None:
    environment = SERVICES["kafka"]["environment"]

    assert {option: environment[variable(option)] for option in BROKER_OPTIONS} == BROKER_OPTIONS


def test_broker_of_the_chart() -> None:
    text = (TEMPLATES / "statefulset-kafka.yaml").read_text()
    environment = dict(re.findall(r'- \{name: (KAFKA_\w+), value: "?([^"{}]*?)"?\}', text))

    assert {option: environment[variable(option)] for option in BROKER_OPTIONS} == BROKER_OPTIONS


def test_database_of_the_local_stack() -> None:
    parser = configparser.ConfigParser(allow_no_value=True)
    parser.read_string(render_my_cnf(load_settings({})))
    found = parser["mariadbd"]

    assert {option: found[option] for option in DATABASE_OPTIONS} == DATABASE_OPTIONS
    assert set(DATABASE_FLAGS) <= found.keys()


def test_database_of_compose() -> None:
    found = arguments(SERVICES["mysql"]["command"])

    assert {option: found[option] for option in DATABASE_OPTIONS} == DATABASE_OPTIONS
    assert set(DATABASE_FLAGS) <= found.keys()


def test_database_of_the_chart() -> None:
    found = arguments(re.findall(r"^ +- (--\S+)$", (TEMPLATES / "statefulset-mysql.yaml").read_text(), re.MULTILINE))

    assert {option: found[option] for option in DATABASE_OPTIONS} == DATABASE_OPTIONS
    assert set(DATABASE_FLAGS) <= found.keys()


def test_binlog_retention_is_the_same_everywhere() -> None:
    seconds = load_settings({}).mysql.binlog_days * 86_400
    chart = yaml.safe_load((TEMPLATES.parent / "values.yaml").read_text())

    assert arguments(SERVICES["mysql"]["command"])["binlog-expire-logs-seconds"] == str(seconds)
    assert chart["mysql"]["binlogDays"] * 86_400 == seconds
