"""The options of Flink on Java 17."""

from __future__ import annotations

import yaml

from infra.flink.java import JAVA_17_OPTIONS
from infra.setup.flink import flink_home


def test_options_equal_those_of_flinks_own_configuration() -> None:
    shipped = yaml.safe_load((flink_home() / "conf" / "config.yaml").read_text(encoding="utf-8"))
    assert shipped["env"]["java"]["opts"]["all"] == JAVA_17_OPTIONS
