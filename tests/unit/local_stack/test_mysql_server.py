"""The download of MySQL's server on a simulated system; the tier `local` runs the real one with DATABASE=mysql."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.setup.mysql_server import ensure_mysql_server, mysqld_path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.mark.usefixtures("programs")
def test_system_without_apt_is_told_what_to_install() -> None:
    with pytest.raises(SetupError) as caught:
        ensure_mysql_server(lambda _: None)

    assert str(caught.value) == (
        "mysql: apt-get is missing, so MySQL's server cannot be downloaded from Debian. Install MySQL, so that its "
        "mysqld is on PATH."
    )


def test_failed_download_shows_the_end_of_the_output_and_leaves_nothing(programs: Path) -> None:
    apt = programs / "apt-get"
    apt.write_text(f"#!{shutil.which('sh', path='/bin:/usr/bin')}\necho 'E: no such suite' >&2\nexit 100\n")
    apt.chmod(0o755)

    with pytest.raises(SetupError) as caught:
        ensure_mysql_server(lambda _: None)

    assert str(caught.value) == "mysql: `apt-get` failed. The end of its output:\nE: no such suite"
    assert list(mysqld_path().parents[2].iterdir()) == []
