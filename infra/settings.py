"""The settings of the local stack and of the targets. No other module reads the process environment.

Later sources take precedence: infra/settings.toml, settings.local.toml at the root of the checkout, and
OLYMPIC_STREAMING_<SECTION>_<KEY>.
pydantic-settings does not fit: its errors do not name the file or variable of a value, and it ignores unknown
variables.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from infra.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
DEFAULTS_FILE = Path(__file__).with_name("settings.toml")
LOCAL_FILE = "settings.local.toml"
PREFIX = "OLYMPIC_STREAMING_"
# Inherited by child processes; FLINK_*, KAFKA_* or JVM options of the user's shell must not reach the services.
_INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")

Port = Annotated[int, Field(ge=1024, le=65535)]
MAX_PROCESS_MB = 64 * 1024
MAX_TASKMANAGER_MB = 256 * 1024
CheckpointInterval = Annotated[int, Field(ge=100, le=3_600_000)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataSettings(_Section):
    """The data directory, which contains everything that the services write."""

    dir: str = Field(min_length=1)


class StackSettings(_Section):
    """The local stack as a whole: whether its broker and its database accept plain text.

    `tls` requires TLS and a password, and `mtls` a certificate of the client.
    """

    security: Literal["plaintext", "tls", "mtls"]


class PortSettings(_Section):
    """The ports of the local stack, all on loopback."""

    kafka: Port
    kafka_controller: Port
    mysql: Port
    flink_rest: Port
    flink_rpc: Port
    flink_blob: Port
    airflow: Port


class KafkaSettings(_Section):
    """The broker; sizes in MiB."""

    heap_mb: int = Field(ge=256, le=MAX_PROCESS_MB)


class MySqlSettings(_Section):
    """The database: its server, and sizes in MiB."""

    server: Literal["mariadb", "mysql"]
    buffer_pool_mb: int = Field(ge=16, le=MAX_PROCESS_MB)
    binlog_days: int = Field(ge=1, le=99)


class FlinkSettings(_Section):
    """The Flink session cluster; sizes in MiB, times in milliseconds."""

    jobmanager_memory_mb: int = Field(ge=1024, le=MAX_PROCESS_MB)
    taskmanager_memory_mb: int = Field(ge=1536, le=MAX_TASKMANAGER_MB)
    slots: int = Field(ge=1, le=256)
    checkpoint_interval_ms: CheckpointInterval


class ChecksSettings(_Section):
    """The checks: the folder of their databases, relative to the data directory; sizes in MiB."""

    dir: str = Field(min_length=1)
    memory_mb: int = Field(ge=64, le=MAX_PROCESS_MB)


class DataFilesSettings(_Section):
    """The files that a user of the DAGs can load: folders, separated by colons."""

    roots: str = Field(min_length=1)


class DeploymentSettings(_Section):
    """The defaults of the DAGs' params."""

    target: Literal["local", "session", "kubernetes"]


class SessionSettings(_Section):
    """The target `session`: a Flink session cluster that someone else runs."""

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    ui: str = Field(min_length=1)
    dir: str = Field(min_length=1)
    flink_home: str = Field(min_length=1)


class KubernetesSettings(_Section):
    """The target `kubernetes`; sizes in MiB, times in milliseconds, CPU in thousandths of a core."""

    namespace: str = Field(min_length=1)
    image: str = Field(min_length=1)
    flink_version: str = Field(min_length=1)
    service_account: str = Field(min_length=1)
    ui: str = Field(min_length=1)
    state_claim: str = Field(min_length=1)
    jobmanager_memory_mb: int = Field(ge=512, le=MAX_PROCESS_MB)
    taskmanager_memory_mb: int = Field(ge=1024, le=MAX_TASKMANAGER_MB)
    cpu_millis: int = Field(ge=50, le=64_000)
    cpu_limit_factor: int = Field(ge=1, le=100)
    checkpoint_interval_ms: CheckpointInterval


class Settings(_Section):
    """All settings; relative paths start at `root`, the checkout."""

    root: Path
    data: DataSettings
    stack: StackSettings
    ports: PortSettings
    kafka: KafkaSettings
    mysql: MySqlSettings
    flink: FlinkSettings
    checks: ChecksSettings
    data_files: DataFilesSettings
    deployment: DeploymentSettings
    session: SessionSettings
    kubernetes: KubernetesSettings

    @property
    def data_dir(self) -> Path:
        """The absolute data directory."""
        return (self.root / Path(self.data.dir).expanduser()).resolve()

    @property
    def checks_dir(self) -> Path | None:
        """The absolute folder of the checks' databases; None if the folder above it does not exist."""
        folder = (self.data_dir / Path(self.checks.dir).expanduser()).resolve()
        return folder if folder.parent.is_dir() else None

    @property
    def data_file_roots(self) -> list[Path]:
        """The absolute folders whose files a run may load, besides those of its pipeline; without links."""
        roots = filter(None, self.data_files.roots.split(os.pathsep))
        return [(self.data_dir / Path(root).expanduser()).resolve() for root in roots]

    def with_data_file_root(self, folder: Path) -> Settings:
        """Return the settings with another folder whose files a run may load."""
        roots = os.pathsep.join([*map(str, self.data_file_roots), str(folder)])
        return self.model_copy(update={"data_files": DataFilesSettings(roots=roots)})

    def as_environment(self) -> dict[str, str]:
        """Return environment variables that give another process the same settings."""
        values = self.model_dump(exclude={"root"})
        values["data"]["dir"] = str(self.data_dir)
        return {
            f"{PREFIX}{section}_{key}".upper(): str(value)
            for section, keys in values.items()
            for key, value in keys.items()
        }


SECTIONS: dict[str, type[_Section]] = {
    "data": DataSettings,
    "stack": StackSettings,
    "ports": PortSettings,
    "kafka": KafkaSettings,
    "mysql": MySqlSettings,
    "flink": FlinkSettings,
    "checks": ChecksSettings,
    "data_files": DataFilesSettings,
    "deployment": DeploymentSettings,
    "session": SessionSettings,
    "kubernetes": KubernetesSettings,
}


def load_settings(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> Settings:
    """Return the effective settings; SettingsError names the file or variable, the key, the expected value and the fix.

    `environ` replaces the process environment.
    """
    values: dict[tuple[str, str], Any] = {}
    origins: dict[tuple[str, str], str] = {}
    layers = [_file_layer(DEFAULTS_FILE, "infra/settings.toml"), _file_layer(root / LOCAL_FILE, LOCAL_FILE)]
    for layer in [*layers, _environment_layer(os.environ if environ is None else environ)]:
        for (section, key), (value, origin) in layer.items():
            values[section, key] = value
            origins[section, key] = origin
    _check_ports_differ(values, origins)
    sections = {
        name: model.model_validate({key: value for (section, key), value in values.items() if section == name})
        for name, model in SECTIONS.items()
    }
    return Settings.model_validate({"root": root.resolve(), **sections})


def inherited_environment() -> dict[str, str]:
    """Return the environment variables that the services of the local stack inherit."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def whole_environment() -> dict[str, str]:
    """Return the whole environment, for a program of the user such as docker."""
    return dict(os.environ)


def java_home() -> Path | None:
    """Return JAVA_HOME of the process environment."""
    value = os.environ.get("JAVA_HOME")
    return Path(value) if value else None


def cache_dir() -> Path:
    """Return the folder that all checkouts share, below XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "olympic-streaming"


Layer = dict[tuple[str, str], tuple[Any, str]]


def _file_layer(path: Path, name: str) -> Layer:
    """Return the validated values of one settings file; none if it does not exist."""
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: not a TOML file: {error}. Fix it, or delete it to use the defaults.") from error
    layer: Layer = {}
    for section, keys in content.items():
        _check_known(name, section, SECTIONS, "section")
        if not isinstance(keys, dict):
            raise SettingsError(
                f"{name}: {section} is not a section. Expected [{section}] with its keys below it. Rewrite it."
            )
        for key, value in keys.items():
            _check_known(name, key, SECTIONS[section].model_fields, f"key of [{section}]")
            layer[section, key] = (_checked(name, section, key, value), name)
    return layer


def _environment_layer(environ: Mapping[str, str]) -> Layer:
    """Return the validated values of the environment variables with PREFIX."""
    known = {
        f"{PREFIX}{section}_{key}".upper(): (section, key)
        for section, model in SECTIONS.items()
        for key in model.model_fields
    }
    layer: Layer = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        _check_known("environment", variable, known, "variable")
        section, key = known[variable]
        text = environ[variable]
        is_number = SECTIONS[section].model_fields[key].annotation is int
        value: Any = int(text) if is_number and text.lstrip("-").isdecimal() else text
        layer[section, key] = (_checked(f"environment variable {variable}", section, key, value), variable)
    return layer


def _check_known(origin: str, name: str, known: Mapping[str, Any], kind: str) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else "Remove it."
    raise SettingsError(f"{origin}: unknown {kind} {name}. {hint} Expected one of: {', '.join(known)}.")


def _checked(origin: str, section: str, key: str, value: Any) -> Any:
    """Return the value if its type and range are valid."""
    field = SECTIONS[section].model_fields[key]
    choices = get_args(field.annotation)
    if choices:
        expected, valid = f"one of {', '.join(choices)}", value in choices
    elif field.annotation is str:
        expected, valid = "text that is not empty", isinstance(value, str) and value != ""
    else:
        low, high = _bounds(field)
        expected = f"an integer from {low} to {high}"
        valid = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if not valid:
        raise SettingsError(f"{origin}: {section}.{key} is {value!r}, but must be {expected}. Fix or remove it.")
    return value


def _bounds(field: FieldInfo) -> tuple[int, int]:
    low = next(rule.ge for rule in field.metadata if hasattr(rule, "ge"))
    high = next(rule.le for rule in field.metadata if hasattr(rule, "le"))
    return low, high


def _check_ports_differ(values: Mapping[tuple[str, str], Any], origins: Mapping[tuple[str, str], str]) -> None:
    ports = {key: value for (section, key), value in values.items() if section == "ports"}
    for port, count in Counter(ports.values()).items():
        if count > 1:
            users = [f"ports.{key} ({origins['ports', key]})" for key, value in ports.items() if value == port]
            raise SettingsError(
                f"settings: port {port} is used by {' and '.join(users)}. Expected a different port for each service. "
                f"Change one of them under [ports] in {LOCAL_FILE}, or with {PREFIX}PORTS_<KEY>."
            )
