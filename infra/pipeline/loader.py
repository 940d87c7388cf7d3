"""Reads `pipeline.yaml` and says exactly what is wrong with it: file, key, what is allowed, how to mend it."""

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
from infra.pipeline.definition import Pipeline

DEFINITION_FILE = "pipeline.yaml"
_YAML_WORDS = {  # for types that have another name in Python
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping, key: value",
    "model_type": "must be a mapping, key: value",
    "string_type": "must be text",
    "int_type": "must be a whole number",
}

_OWNERS = {
    "topics": "topic",
    "jobs": "job",
    "checks": "check",
    "results": "result table",
    "mysql": "MySQL source",
    "kafka": "Kafka source",
}


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML takes the last of two equal keys without a word; a spec with two is a mistake.

    A merge key (`<<`) is no key of its own, and what it brings may be overridden.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def find_pipelines(root: Path) -> list[Path]:
    """The folders below `root` that hold a pipeline, sorted by name."""
    return sorted(path.parent for path in root.glob(f"*/{DEFINITION_FILE}"))


def load_valid_pipelines(root: Path) -> list[Pipeline]:
    """The pipelines below `root` whose spec is right; a wrong one takes nothing from them, and its own DAG names it."""
    sound = []
    for folder in find_pipelines(root):
        with suppress(DefinitionError):
            sound.append(load_pipeline(folder))
    return sound


def databases_of(pipelines: Iterable[Pipeline]) -> dict[str, str | None]:
    """By pipeline the database that it starts from; None where it starts from a topic."""
    return {pipeline.name: pipeline.mysql_source.database if pipeline.source.mysql else None for pipeline in pipelines}


def load_pipeline(folder: Path) -> Pipeline:
    """The pipeline of a folder; DefinitionError lists everything that is wrong with it."""
    path = folder / DEFINITION_FILE
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506, a SafeLoader
    except FileNotFoundError:
        known = ", ".join(found.name for found in find_pipelines(folder.parent)) or "none"
        raise DefinitionError(f"{path}: no such file; the pipelines beside it are: {known}") from None
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DefinitionError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise DefinitionError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise DefinitionError(
            f"{path}: expected keys such as name, topics, source, jobs; found {type(content).__name__}"
        )
    try:
        pipeline = Pipeline.model_validate(content).model_copy(update={"folder": folder})
    except ValidationError as error:
        raise DefinitionError(_join(path, [_describe(detail) for detail in error.errors()])) from None
    problems = list(_inconsistencies(pipeline))
    if problems:
        raise DefinitionError(_join(path, problems))
    return pipeline


def _join(path: Path, problems: list[str]) -> str:
    return "\n".join(f"{path}: {problem}" for problem in problems)


def _describe(detail: Any) -> str:
    """One pydantic error in our words."""
    key = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "extra_forbidden":
        allowed = _allowed_keys(detail["loc"][:-1])
        guess = difflib.get_close_matches(str(detail["loc"][-1]), allowed, n=1)
        hint = f"did you mean {guess[0]!r}? " if guess else ""
        return f"{key}: unknown key; {hint}allowed: {', '.join(allowed)}"
    if kind == "missing":
        return f"{key}: missing; every {_owner_of(detail['loc'])} needs it"
    if kind == "string_pattern_mismatch":
        return f"{key}: {detail['input']!r} does not match {context['pattern']}"
    if kind == "literal_error":
        return f"{key}: {detail['input']!r} is not allowed; allowed: {context['expected']}"
    if kind == "too_short":
        return f"{key}: is empty; it needs at least {context['min_length']} entry"
    if kind == "value_error":
        return f"{key}: {context['error']}"
    message = _YAML_WORDS.get(kind) or detail["msg"].replace("Input should be", "must be")
    return f"{key}: {detail['input']!r}: {message}"


def _allowed_keys(location: tuple[Any, ...]) -> list[str]:
    model: Any = Pipeline
    for part in location:
        model = _model_below(model, part)
    return sorted(field.alias or name for name, field in model.model_fields.items() if name != "folder")


def _model_below(model: Any, part: Any) -> Any:
    """The model of the value at one step of a location; a step into a dict or list stays at the same model."""
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            return next(iter(_models_in(field.annotation)), model)
    return model


def _models_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _owner_of(location: tuple[Any, ...]) -> str:
    parent = [str(part) for part in location[:-1] if not isinstance(part, int)]
    return next((_OWNERS[part] for part in reversed(parent) if part in _OWNERS), parent[-1] if parent else "pipeline")


def _inconsistencies(pipeline: Pipeline) -> Iterator[str]:
    if pipeline.name != pipeline.folder.resolve().name:
        yield f"name: {pipeline.name!r} must be the name of its folder, {pipeline.folder.resolve().name!r}"
    yield from _unknown_names(pipeline)
    yield from _missing_files(pipeline)
    yield from _wrong_readers(pipeline)
    try:
        TopologicalSorter({name: job.after for name, job in pipeline.jobs.items()}).prepare()
    except CycleError as error:
        yield f"jobs: after goes in a circle: {' -> '.join(error.args[1])}"


def _wrong_readers(pipeline: Pipeline) -> Iterator[str]:
    """Jobs that read the database, against the database there is."""
    readers = {name: job.parallelism for name, job in pipeline.jobs.items() if "mysql" in job.uses}
    if pipeline.source.mysql is None:
        for name in readers:
            yield f"jobs.{name}.uses: mysql is not there, since the source is kafka; allowed: kafka"
        return
    low, high = (int(part) for part in pipeline.source.mysql.server_ids.split("-"))
    most = max(readers.values(), default=1)
    if not 0 < low <= high < 2**32 or high - low + 1 < most:
        yield (
            f"source.mysql.server_ids: {low}-{high} must be an ascending range of at least {most} ids"
            " (one for each parallel reader) between 1 and 4294967295"
        )


def _unknown_names(pipeline: Pipeline) -> Iterator[str]:
    topics, jobs = ", ".join(pipeline.topics), ", ".join(pipeline.jobs)
    named_jobs = [(f"jobs.{name}.after", other) for name, spec in pipeline.jobs.items() for other in spec.after]
    named_topics = [(f"jobs.{name}.writes", topic) for name, spec in pipeline.jobs.items() for topic in spec.writes]
    named_topics += [("checks", topic) for topic in pipeline.checks]
    named_topics += [("quarantine", pipeline.quarantine)] if pipeline.quarantine else []
    named_topics += [("audit.topic", pipeline.audit.topic)] if pipeline.audit else []
    named_topics += [("source.kafka.topic", pipeline.source.kafka.topic)] if pipeline.source.kafka else []
    for key, job in named_jobs:
        if job not in pipeline.jobs:
            yield f"{key}: there is no job {job!r}; allowed: {jobs}"
    for key, topic in named_topics:
        if topic not in pipeline.topics:
            yield f"{key}: there is no topic {topic!r}; allowed: {topics}"
    for index, table in enumerate(pipeline.results):
        if table.topic not in pipeline.checks:  # whose key says which rows a topic holds
            yield f"results.{index}.topic: there is no check of {table.topic!r}; allowed: {', '.join(pipeline.checks)}"


def _named_files(pipeline: Pipeline) -> dict[str, list[str]]:
    """The paths of the spec by their key."""
    mysql, kafka = pipeline.source.mysql, pipeline.source.kafka
    named: dict[str, list[str]] = {}
    if mysql:
        named |= {"source.mysql.schema": [mysql.schema_file], "source.mysql.data": [mysql.data]}
    if kafka:
        named |= {"source.kafka.data": [kafka.data]}
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
                yield f"{key}: {relative} does not exist in {pipeline.folder}"
            elif path.is_dir() and not key.endswith(".files"):
                missing = True
                yield f"{key}: {relative} is a folder; name a file"
    if missing:
        return
    for name in pipeline.jobs:
        names = [path.name for path in pipeline.job_files(name)]
        for twice in sorted({n for n in names if names.count(n) > 1}):
            yield f"jobs.{name}.files: two files are named {twice}; a job's files share one folder, so rename one"
