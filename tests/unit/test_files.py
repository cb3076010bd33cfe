"""Atomic writes: a reader sees the old file or the new one, and temporary files are never read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from landing.files import (
    TEMPORARY_PREFIX,
    build_atomically,
    digest,
    link,
    remove_folder,
    remove_leftovers,
    temporary_path,
    write_atomically,
    write_json,
)


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    former = os.umask(0o022)
    yield
    os.umask(former)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_keeps_its_old_content_until_the_new_content_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text("old")
    with write_atomically(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["facts.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "facts.json"
    path.write_text("old")
    with pytest.raises(error), write_atomically(path) as temporary:
        raise error(temporary.write_text("half"))
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["facts.json"]


def test_a_symbolic_link_at_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "facts.json"
    victim.write_text("untouched")
    for operation in (write_atomically, build_atomically):
        temporary_path(path).symlink_to(victim)
        with operation(path) as temporary:
            temporary.write_text("new")
        assert victim.read_text() == "untouched"
        assert path.read_text() == "new"
        assert not path.is_symlink()
    temporary_path(path).symlink_to(victim)
    link(path, path)
    assert victim.read_text() == "untouched"


@pytest.mark.parametrize(("permissions", "expected"), [(None, 0o644), (0o600, 0o600), (0o666, 0o644)])
def test_a_file_has_its_permissions_from_the_first_byte(
    tmp_path: Path, permissions: int | None, expected: int
) -> None:
    options = {} if permissions is None else {"permissions": permissions}
    with write_atomically(tmp_path / "facts.json", **options) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == expected
    assert stat.S_IMODE((tmp_path / "facts.json").stat().st_mode) == expected


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "run-1"
    temporary_path(path).mkdir()
    (temporary_path(path) / "left-by-a-killed-run").write_text("half")
    with build_atomically(path) as temporary:
        (temporary / "month=1").mkdir(parents=True)
        (temporary / "month=1" / "rows.parquet").write_text("rows")
        assert not path.exists()
    assert [file.relative_to(path).as_posix() for file in sorted(path.rglob("*"))] == [
        "month=1",
        "month=1/rows.parquet",
    ]
    with pytest.raises(OSError, match="not empty"), build_atomically(path) as temporary:
        temporary.mkdir()
    assert names_in(tmp_path) == ["run-1"]


def test_every_byte_and_every_name_is_flushed_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        paths = {path.stat().st_ino: path for path in [tmp_path, *tmp_path.rglob("*")]}
        steps.append(paths[os.fstat(descriptor).st_ino].relative_to(tmp_path).as_posix())
        sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        steps.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with build_atomically(tmp_path / "run-1") as temporary:
        temporary.mkdir()
        (temporary / "rows").write_text("rows")
    name = temporary.name
    assert steps == [f"{name}/rows", name, "rename", "."]


def test_patterns_for_published_files_do_not_match_temporary_files(tmp_path: Path) -> None:
    for name in ("people.parquet", "ooo.duckdb", "current.json"):
        temporary = temporary_path(tmp_path / name)
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(TEMPORARY_PREFIX)
        assert not temporary.match(f"*{Path(name).suffix}")


def test_a_link_replaces_the_file_of_its_name_and_leads_to_the_same_bytes(tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "name"
    source.write_text("new")
    path.write_text("old")
    for _ in range(2):  # the second time both names lead to one file already
        link(source, path)
        assert path.samefile(source)
    assert names_in(tmp_path) == ["name", "source"]


def test_leftovers_of_killed_runs_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / f"{TEMPORARY_PREFIX}file").write_text("half")
    (tmp_path / f"{TEMPORARY_PREFIX}folder").mkdir()
    (tmp_path / f"{TEMPORARY_PREFIX}folder" / "half").write_text("half")
    (tmp_path / f"{TEMPORARY_PREFIX}link").symlink_to(tmp_path)
    remove_leftovers(tmp_path)
    assert names_in(tmp_path) == ["kept"]


def test_a_removed_folder_is_gone_even_if_a_killed_run_had_begun_to_remove_it(tmp_path: Path) -> None:
    folder = tmp_path / "generation"
    for path in (folder, temporary_path(folder)):
        path.mkdir()
        (path / "rows").write_text("rows")
    remove_folder(folder)
    assert names_in(tmp_path) == []


def test_json_and_checksums_are_those_of_the_file(tmp_path: Path) -> None:
    write_json(tmp_path / "facts.json", {"rows": 1})
    assert (tmp_path / "facts.json").read_text() == '{\n  "rows": 1\n}\n'
    assert digest(tmp_path / "facts.json") == (
        "84d83e21c141f337ac1f57a66759cf37607810dca594377c8a7e1a6cbb80f77f"
    )
