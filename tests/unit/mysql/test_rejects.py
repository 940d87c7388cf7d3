"""The rejects file: written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.mysql.data_file import Reject
from infra.mysql.rejects import Rejects, write_rejects


def test_file_has_all_and_keeps_the_first_three(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rejects.csv"
    with write_rejects(path) as rejects:
        for line in (5, 9, 7, 2):
            rejects.add(Reject(line, "why, so", 'a "b"\nc'))
        assert not path.exists()
    assert path.read_bytes() == b"line,reason,raw\r\n" + b"".join(
        b'%d,"why, so","a ""b""\nc"\r\n' % line for line in (5, 9, 7, 2)
    )
    assert (rejects.count, [reject.line for reject in rejects.first]) == (4, [2, 5, 7])
    assert list(path.parent.iterdir()) == [path]


def test_without_rejects_an_older_file_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("older")
    with write_rejects(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_after_a_failure_the_older_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("older")
    with pytest.raises(KeyError), write_rejects(path) as rejects:
        _reject_and_fail(rejects)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def _reject_and_fail(rejects: Rejects) -> None:
    rejects.add(Reject(1, "why", "raw"))
    raise KeyError
