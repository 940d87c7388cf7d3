"""Imports point one way. The table is the architecture: a layer on the left can import the layers on the right."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from infra.settings import ROOT

# Modules that every layer can import; they import nothing but `infra.errors`.
GROUND = {"errors", "endpoints", "plan", "progress", "waiting"}
ALLOWED = {
    "errors": set[str](),
    "endpoints": set[str](),
    "plan": {"errors"},
    "progress": set[str](),
    "provider": set[str](),
    "refusals": {"errors"},
    "waiting": {"errors"},
    "versions": {"errors"},
    "settings": {"errors"},
    "pipeline": {"errors"},
    "setup": {"errors", "settings", "versions"},
    "flink": GROUND,
    "mysql": GROUND | {"pipeline", "versions"},
    "example": GROUND | {"mysql"},
    "kafka": GROUND | {"pipeline"},
    "jobs": GROUND | {"pipeline", "flink", "versions"},
    "checks": GROUND | {"pipeline", "mysql", "kafka"},
    "stacks": GROUND | {"pipeline", "settings"},
    "stacks.local": GROUND | {"pipeline", "settings", "setup", "jobs", "stacks"},
    "stacks.compose": GROUND | {"pipeline", "settings", "stacks"},
    "targets": GROUND | {"jobs", "flink", "settings", "versions"},
    "targets.local": {"settings", "setup", "stacks.local", "targets"},
    "targets.registry": GROUND | {"jobs", "settings", "targets", "targets.local"},
    "planning": GROUND | {"pipeline", "kafka", "mysql", "jobs"},
    "orchestration": GROUND
    | {"pipeline", "settings", "checks", "kafka", "mysql", "jobs", "planning", "targets.registry"},
    "results": GROUND | {"pipeline", "kafka", "checks"},
}
# Programs, which can import every layer.
PROGRAMS = ("__main__", "cli", "bench")
AIRFLOW_ALLOWED = "orchestration"
# `olympicstreaming` is the Java package of the functions.
NAMES_OF_A_PIPELINE = re.compile(r"olympics(?!treaming)|players|nationalit", re.IGNORECASE)
# The default pipeline of the command line, the pipeline that the benchmark measures, and inputs of tests.
MAY_NAME_A_PIPELINE = {"infra/cli/pipeline.py", "infra/bench", "infra/refusals/table.toml"}


def sources(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, at_import: bool = False) -> set[str]:
    """Return the modules that a file imports; with `at_import`, only those that its own import imports."""
    found = set()
    for node in _statements(ast.parse(path.read_text(encoding="utf-8")), at_import):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in names if is_module(name)} or {str(node.module)}
    return found


def _statements(tree: ast.AST, at_import: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not (at_import and (later or typing_only)):
            yield node
            yield from _statements(node, at_import)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def layer_of(module: str) -> str:
    """Return the layer of a module: `targets.local` for `infra.targets.local`, but `jobs` for `infra.jobs.health`."""
    parts = module.removeprefix("infra.").split(".")
    inner = ".".join(parts[:2])
    return inner if inner in ALLOWED else parts[0]


INFRA = {module_of(path): path for path in sources("infra")}
LAYERED = {module: path for module, path in INFRA.items() if module != "infra" and layer_of(module) not in PROGRAMS}


@pytest.mark.parametrize("module", LAYERED)
def test_module_imports_only_layers_that_are_allowed(module: str) -> None:
    layer = layer_of(module)
    used = {layer_of(name) for name in imports_of(LAYERED[module]) if name.startswith("infra.")}
    assert used - {layer, *ALLOWED[layer]} == set()


def test_table_allows_nothing_that_is_not_used() -> None:
    used: dict[str, set[str]] = {layer: set() for layer in ALLOWED}
    for module, path in LAYERED.items():
        used[layer_of(module)] |= {layer_of(name) for name in imports_of(path) if name.startswith("infra.")}

    assert {
        layer: names - used[layer] - GROUND for layer, names in ALLOWED.items() if names - used[layer] - GROUND
    } == {}


def test_imports_inside_functions_are_found_unless_excluded() -> None:
    path = INFRA["infra.targets.registry"]
    assert "infra.targets.local" in imports_of(path)
    assert imports_of(path, at_import=True) & INFRA.keys() == {"infra.errors"}


def test_table_has_no_cycle() -> None:
    TopologicalSorter(ALLOWED).prepare()


def test_no_import_cycle() -> None:
    graph = {module: imports_of(path, at_import=True) & INFRA.keys() for module, path in INFRA.items()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", INFRA)
def test_only_orchestration_imports_airflow(module: str) -> None:
    if layer_of(module) != AIRFLOW_ALLOWED:
        assert {name for name in imports_of(INFRA[module]) if name.split(".")[0] == "airflow"} == set()


@pytest.mark.parametrize("path", sources("dags"), ids=lambda path: path.name)
def test_dags_are_thin(path: Path) -> None:
    used = {name for name in imports_of(path) if name.split(".")[0] in ("infra", "flink_jobs", "tests")}
    assert {layer_of(name) for name in used} <= {"errors", "orchestration", "pipeline"}


@pytest.mark.parametrize("path", sources("flink_jobs"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_jobs_do_not_import_the_platform(path: Path) -> None:
    foreign = {"infra", "dags", "tests", "airflow"}
    assert {name for name in imports_of(path) if name.split(".")[0] in foreign} == set()


def test_only_settings_read_the_environment() -> None:
    """Only in `infra`: a job script fills in variables of its statements."""
    reading = {module for module, path in INFRA.items() if re.search(r"os\.(environ|getenv)", path.read_text())}
    assert reading <= {"infra.settings"}


def test_no_pipeline_is_named_in_the_platform() -> None:
    """A new pipeline must be only a new folder."""
    files = [path for folder in ("infra", "dags") for path in (ROOT / folder).rglob("*") if path.is_file()]
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.suffix in (".py", ".toml", ".sh", ".yaml", ".sql") and NAMES_OF_A_PIPELINE.search(code_of(path))
    }
    assert {name for name in naming if not name.startswith(tuple(MAY_NAME_A_PIPELINE))} == set()


def code_of(path: Path) -> str:
    """Return the text of a file; for Python without comments and docstrings, which can contain examples."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
