"""Loading and validation of `pipeline.yaml`; each error names the file, the key, the expected value and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from infra.errors import DefinitionError
from infra.pipeline.definition import MAX_SERVER_ID, Pipeline

DEFINITION_FILE = "pipeline.yaml"

_YAML_WORDS = {  # for types that have another name in Python
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping, key: value",
    "model_type": "must be a mapping, key: value",
    "string_type": "must be text",
    "int_type": "must be an integer",
}

# A value for each pattern of the definition, because a pattern alone is hard to read.
_EXAMPLES = {
    r"^[a-z][a-z0-9_]{0,39}$": "orders",
    r"^[a-zA-Z0-9._-]{1,249}$": "shop.orders",
    r"^[a-zA-Z0-9._-]{1,100}$": "shop.",
    r"^\d+\s*(ms|s|m|h|d)$": "30d",
    r"^\d+\s*(s|m|h)$": "90m",
    r"^([01]\d|2[0-3]):[0-5]\d$": "06:30",
    r"^\d+-\d+$": "5400-5409",
    r"^(https?://|mailto:)\S+$": "mailto:team@example.com",
}
_OWNERS = {
    "topics": "topic",
    "jobs": "job",
    "checks": "check",
    "results": "result table",
    "mysql": "MySQL source",
    "kafka": "Kafka source",
    "seed": "seed",
}


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML loader that rejects duplicate keys, of which PyYAML silently keeps the last.

    A merge key (`<<`) does not count as a key, and the keys that it adds may be overridden.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"duplicate key {key!r}", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def find_pipelines(root: Path) -> list[Path]:
    """Return the folders in `root` that contain a pipeline, sorted by name."""
    return sorted(path.parent for path in root.glob(f"*/{DEFINITION_FILE}"))


def load_valid_pipelines(root: Path) -> list[Pipeline]:
    """Return the valid pipelines in `root`; skip invalid ones, whose own DAGs report the error."""
    valid = []
    for folder in find_pipelines(root):
        with suppress(DefinitionError):
            valid.append(load_pipeline(folder))
    return valid


def databases_of(pipelines: Iterable[Pipeline]) -> dict[str, str | None]:
    """Return the source database by pipeline name; None if the source is a topic."""
    return {pipeline.name: pipeline.mysql_source.database if pipeline.source.mysql else None for pipeline in pipelines}


def load_pipeline(folder: Path) -> Pipeline:
    """Return the pipeline of a folder; DefinitionError lists everything that is invalid in its definition."""
    path = folder / DEFINITION_FILE
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506, a SafeLoader
    except FileNotFoundError:
        known = ", ".join(found.name for found in find_pipelines(folder.parent)) or "none"
        raise DefinitionError(
            f"{path}: the file does not exist. Create it, or use a pipeline next to it: {known}."
        ) from None
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DefinitionError(f"{path}:{line}: invalid YAML: {error.problem}. Fix this line.") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise DefinitionError(f"{path}: invalid YAML: {str(error).splitlines()[0]}. Remove it.") from None
    if not isinstance(content, dict):
        raise DefinitionError(
            f"{path}: the content is {_yaml_type(content)}. Expected a mapping with keys such as name, topics, source "
            "and jobs."
        )
    try:
        pipeline = Pipeline.model_validate(content).model_copy(update={"folder": folder})
    except ValidationError as error:
        raise DefinitionError(_join(path, [_describe(detail) for detail in error.errors()])) from None
    problems = list(_inconsistencies(pipeline))
    if problems:
        raise DefinitionError(_join(path, problems))
    return pipeline


def _yaml_type(content: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", type(None): "empty"}
    return names.get(type(content), type(content).__name__)


def _join(path: Path, problems: list[str]) -> str:
    return "\n".join(f"{path}: {problem}" for problem in problems)


def _describe(detail: Any) -> str:
    """Return a pydantic error as a sentence that starts with the key."""
    key = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(detail["loc"][:-1])
        guess = difflib.get_close_matches(str(detail["loc"][-1]), allowed, n=1)
        hint = f"Did you mean {guess[0]!r}? " if guess else ""
        return f"{key}: unknown key. {hint}Allowed: {', '.join(allowed)}."
    if kind == "missing":
        return f"{key}: missing. Every {_foreign_reason(detail['loc'])} requires it."
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return (
            f"{key}: is {detail['input']!r}, but must match '{pattern}'. Fix it, for example as {_EXAMPLES[pattern]}."
        )
    if kind == "literal_error":
        return f"{key}: is {detail['input']!r}, but must be {context['expected']}."
    if kind == "too_short":
        return f"{key}: is empty, but must have at least {context['min_length']} item."
    if kind == "value_error":
        return f"{key}: {context['error']}."
    message = _YAML_WORDS.get(kind) or detail["msg"].replace("Input should be", "must be")
    return f"{key}: is {detail['input']!r}, but {message}."


def _allowed_keys(location: tuple[Any, ...]) -> list[str]:
    model: Any = Pipeline
    for part in location:
        model = _model_below(model, part)
    return sorted(field.alias or name for name, field in model.model_fields.items() if name != "folder")


def _model_below(model: Any, part: Any) -> Any:
    """Return the model of the value one step down a location; a step into a dict or list keeps the model."""
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            return next(iter(_models_in(field.annotation)), model)
    return model


def _models_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _foreign_reason(location: tuple[Any, ...]) -> str:
    parent = [str(part) for part in location[:-1] if not isinstance(part, int)]
    return next((_OWNERS[part] for part in reversed(parent) if part in _OWNERS), parent[-1] if parent else "pipeline")


def _inconsistencies(pipeline: Pipeline) -> Iterator[str]:
    if pipeline.name != pipeline.folder.resolve().name:
        yield f"name: is {pipeline.name!r}, but must be {pipeline.folder.resolve().name!r}, the name of its folder."
    yield from _wrong_topics(pipeline)
    yield from _unknown_names(pipeline)
    yield from _missing_files(pipeline)
    yield from _wrong_readers(pipeline)
    try:
        TopologicalSorter({name: job.after for name, job in pipeline.jobs.items()}).prepare()
    except CycleError as error:
        yield f"jobs: after has a cycle: {' -> '.join(error.args[1])}. Remove one of these dependencies."


def _wrong_readers(pipeline: Pipeline) -> Iterator[str]:
    """Yield the errors of jobs that read the database: no database, or too few server ids."""
    readers = {name: job.parallelism for name, job in pipeline.jobs.items() if "mysql" in job.uses}
    if pipeline.source.mysql is None:
        for name in readers:
            yield f"jobs.{name}.uses: contains mysql, but the source is kafka. Remove mysql."
        return
    if pipeline.source.mysql.tables and len(readers) != 1:
        yield (
            f"jobs: {', '.join(readers) or 'no job'} uses mysql, but exactly one job must, which reads the binlog once "
            "for all of source.mysql.tables. Fix uses."
        )
    low, high = (int(part) for part in pipeline.source.mysql.server_ids.split("-"))
    most = max(readers.values(), default=1)
    if not 1 <= low <= high <= MAX_SERVER_ID or high - low + 1 < most:
        yield (
            f"source.mysql.server_ids: is {low}-{high}, but must be an ascending range of at least {most} ids"
            f" (one for each parallel reader) between 1 and {MAX_SERVER_ID}."
        )


def _wrong_topics(pipeline: Pipeline) -> Iterator[str]:
    """Yield the errors of missing topics, and of those whose names could be those of captured tables."""
    source = pipeline.source.mysql
    if not pipeline.topics and not (source and source.tables):
        yield "topics: is empty, but must have at least 1 item."
    if not pipeline.checks and not (source and source.tables):
        yield "checks: is empty, but must have at least 1 item, because without a check a run proves nothing."
    if source and source.topics:
        for name in pipeline.topics:
            if name.startswith(source.topics.prefix):
                yield f"topics: {name!r} begins with source.mysql.topics.prefix. Rename it, or change the prefix."


def _unknown_names(pipeline: Pipeline) -> Iterator[str]:
    topics, jobs = ", ".join(pipeline.topics), ", ".join(pipeline.jobs)
    named_jobs = [(f"jobs.{name}.after", other) for name, job in pipeline.jobs.items() for other in job.after]
    named_topics = [(f"jobs.{name}.writes", topic) for name, job in pipeline.jobs.items() for topic in job.writes]
    named_topics += [("checks", topic) for topic in pipeline.checks]
    named_topics += [("quarantine", pipeline.quarantine)] if pipeline.quarantine else []
    named_topics += [("audit.topic", pipeline.audit.topic)] if pipeline.audit else []
    named_topics += [("source.kafka.topic", pipeline.source.kafka.topic)] if pipeline.source.kafka else []
    for key, name in named_jobs:
        if name not in pipeline.jobs:
            yield f"{key}: the job {name!r} does not exist. Allowed: {jobs}."
    for key, topic in named_topics:
        if topic not in pipeline.topics:
            yield f"{key}: the topic {topic!r} does not exist. Allowed: {topics}."
    for index, table in enumerate(pipeline.results):
        if table.topic not in pipeline.checks:  # the check's key identifies the rows of the topic
            checked = f"Allowed: {', '.join(pipeline.checks)}." if pipeline.checks else "Add one."
            yield f"results.{index}.topic: the topic {table.topic!r} does not have a check. {checked}"


def _named_files(pipeline: Pipeline) -> dict[str, list[str]]:
    """Return the paths that the definition contains, by key."""
    mysql, kafka = pipeline.source.mysql, pipeline.source.kafka
    named: dict[str, list[str]] = {}
    if mysql and mysql.seed:
        named |= {"source.mysql.seed.schema": [mysql.seed.schema_file], "source.mysql.seed.data": [mysql.seed.data]}
    if kafka and kafka.seed:
        named |= {"source.kafka.seed.data": [kafka.seed.data]}
    if kafka:
        named |= {f"source.kafka.tables.{name}": [query] for name, query in kafka.tables.items()}
    if pipeline.audit:
        named |= {"audit.query": [pipeline.audit.query]}
    named |= {f"jobs.{name}.script": [job.script] for name, job in pipeline.jobs.items()}
    named |= {f"jobs.{name}.files": list(job.files) for name, job in pipeline.jobs.items()}
    return named | {f"checks.{topic}.expect": [check.expect] for topic, check in pipeline.checks.items()}


def _missing_files(pipeline: Pipeline) -> Iterator[str]:
    named = _named_files(pipeline)
    missing = False
    for key, paths in named.items():
        for relative in paths:
            path = pipeline.path(relative)
            if not path.exists():
                missing = True
                yield f"{key}: {relative} does not exist in {pipeline.folder}. Create it, or fix the path."
            elif path.is_dir() and not key.endswith(".files"):
                missing = True
                yield f"{key}: {relative} is a folder. Expected a file."
    if missing:
        return
    for name in pipeline.jobs:
        names = [path.name for path in pipeline.job_files(name)]
        for twice in sorted({n for n in names if names.count(n) > 1}):
            yield f"jobs.{name}.files: two files are named {twice}, but all share one folder. Rename one of them."
