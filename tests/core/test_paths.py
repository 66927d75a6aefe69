"""What must survive lies below one folder, and half-written files never bear the final name."""

from pathlib import Path

import pytest

from core import paths


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.DATA_DIR_VARIABLE, str(tmp_path / "a" / "b"))
    assert paths.data_dir() == tmp_path / "a" / "b"
    assert paths.subdir("runs") == tmp_path / "a" / "b" / "runs"
    assert paths.subdir("runs").is_dir()


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(paths.DATA_DIR_VARIABLE, "~/thaw")
    assert paths.data_dir() == tmp_path / "thaw"


def test_partial_names_are_beside_the_target_and_never_the_same() -> None:
    target = Path("/x/a.npy")
    names = {paths.partial(target) for _ in range(50)}
    assert len(names) == 50
    assert all(n.parent == target.parent and n.suffix == ".npy" and n != target for n in names)
