"""Commands for setup, clusters and maintainers.

audit, docs, helm-values, jars, mysql-server, provision-users, release, sbom
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    audit = commands.add_parser("audit", help="look for known vulnerabilities of the pinned Python packages")
    audit.add_argument("--required", action="store_true", help="fail if the advisories cannot be read")
    audit.set_defaults(run=_audit)
    sbom = commands.add_parser("sbom", help="write the software bill of materials")
    sbom.add_argument("--folder", type=Path, default=Path("dist"))
    sbom.set_defaults(run=_sbom)
    docs = commands.add_parser("docs", help="write the pages that are generated from the code")
    docs.set_defaults(run=_docs)
    values = commands.add_parser("helm-values", help="print the chart's list of pipelines, read from flink_jobs/")
    values.set_defaults(run=_helm_values)
    jars = commands.add_parser("jars", help="download the locked jars that are missing")
    jars.add_argument("name", nargs="?", default="jars", help="the lock file of the jars")
    jars.add_argument("--lock", action="store_true", help="write every lock file again, from versions.toml")
    jars.add_argument("--folder", action="store_true", help="only print the folder of the jars")
    jars.add_argument("--functions", action="store_true", help="only print the jar of the jobs' Java functions")
    jars.set_defaults(run=_jars)
    server = commands.add_parser("mysql-server", help="download MySQL's server from Debian, for DATABASE=mysql")
    server.set_defaults(run=_mysql_server)
    users = commands.add_parser("provision-users", help="create databases and users from mounted Secrets")
    users.add_argument("--host", required=True)
    users.add_argument("--port", type=int, default=3306)
    users.add_argument("--admin", type=Path, required=True, metavar="FOLDER", help="the administrator's Secret")
    users.add_argument("--databases", type=Path, metavar="FOLDER", help="the folder with a folder for each database")
    users.add_argument("pairs", nargs="*", metavar="DATABASE=FOLDER")
    users.set_defaults(run=_provision_users)
    release = commands.add_parser("release", help="write the version everywhere, date the changelog, commit and tag")
    release.add_argument("version", help="three numbers, such as 1.2.3")
    release.add_argument("--notes", action="store_true", help="only print the changelog's entry of the version")
    release.set_defaults(run=_release)


def _audit(options: argparse.Namespace) -> None:
    from infra.setup.audit import audit_packages, report_audit

    print(report_audit(audit_packages(), options.required))


def _sbom(options: argparse.Namespace) -> None:
    from infra.setup.jars import ensure_jars, lock_file, lock_names
    from infra.setup.sbom import write_sbom

    for name in lock_names():
        ensure_jars(_print, lock_file(name))
    path, components = write_sbom(options.folder)
    print(f"sbom: {path} has {components} components")


def _release(options: argparse.Namespace) -> None:
    from infra.setup.release import release, release_notes

    if options.notes:
        print(release_notes(options.version))
        return
    tag = release(options.version)
    print(f"release: committed and tagged {tag}. Publish it: git push --atomic origin HEAD {tag}")


def _jars(options: argparse.Namespace) -> None:
    from infra.setup.functions import ensure_functions, functions_jar
    from infra.setup.jars import ensure_jars, jars_root, lock_file, lock_names, write_lock

    if options.folder:
        print(jars_root(lock_file(options.name)))
        return
    if options.functions:
        print(functions_jar())
        return
    if options.lock:
        for name in lock_names():
            _print(f"jars: {write_lock(_print, lock_file(name))} jars locked in infra/setup/{name}.lock")
    _print(f"{options.name}: {ensure_jars(_print, lock_file(options.name))}")
    if options.name == "jars":
        _print(f"functions: {ensure_functions(_print)}")


def _mysql_server(_: argparse.Namespace) -> None:
    from infra.setup.mysql_server import ensure_mysql_server

    _print(f"mysql: {ensure_mysql_server(_print)}")


def _docs(_: argparse.Namespace) -> None:
    from infra.mysql.column_types import TYPES_FILE
    from infra.mysql.types_page import render_types
    from infra.pipeline.reference import REFERENCE_FILE, SCHEMA_FILE, render_reference, render_schema
    from infra.refusals import REFUSALS_FILE, render_refusals
    from infra.settings import ROOT

    pages = {
        REFERENCE_FILE: render_reference(),
        SCHEMA_FILE: render_schema(),
        TYPES_FILE: render_types(),
        REFUSALS_FILE: render_refusals(),
    }
    for name, text in pages.items():
        path = ROOT / name
        known = path.is_file() and path.read_text(encoding="utf-8") == text
        path.write_text(text, encoding="utf-8")
        _print(f"{name}: {'unchanged' if known else 'changed'}")


def _helm_values(_: argparse.Namespace) -> None:
    from infra.cli.deployment import pipelines_root
    from infra.cli.helm_values import render_values
    from infra.settings import load_settings

    print(render_values(pipelines_root(load_settings())), end="")


def _provision_users(options: argparse.Namespace) -> None:
    from infra.endpoints import MySqlEndpoint
    from infra.mysql.provision import databases_in, provision, read_secret

    databases = {name: Path(folder) for name, _, folder in (pair.partition("=") for pair in options.pairs)}
    databases |= databases_in(options.databases) if options.databases else {}
    user, password = read_secret(options.admin)
    for line in provision(MySqlEndpoint(options.host, options.port, user, password), databases):
        _print(line)


def _print(line: str) -> None:
    print(line, flush=True)
