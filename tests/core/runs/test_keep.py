"""The list of runs outlives damage, and says what happened."""

import datetime as dt
import sqlite3

import pytest

from core.errors import RunError, StoreError
from core.experiment import Experiment
from core.runs import RunStore, keep

DAY = dt.date(2026, 1, 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a database with one ended and one waiting run."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        store = RunStore()
        store.finish(store.create(Experiment(), name="ended"), "finished")
        store.create(Experiment(), name="waiting")
    with sqlite3.connect(folder / "runs" / "mlflow.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / "runs" / "mlflow.db").read_bytes()


@pytest.fixture
def database(fresh_data_dir, whole):
    path = fresh_data_dir / "runs" / "mlflow.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(whole)
    return path


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


def flipped(content: bytes) -> bytes:
    """Change pages in the middle, as a failing disk does."""
    return content[:4096] + bytes(b ^ 0xFF for b in content[4096 : 4096 * 12]) + content[4096 * 12 :]


@pytest.mark.parametrize(
    "spoil", [zeros, flipped, lambda c: c[: len(c) // 3], lambda c: b"", lambda c: b"no database" * 99]
)
def test_a_damaged_one_is_moved_aside_and_its_copy_takes_its_place(database, spoil):
    assert keep.back_up(database, DAY)
    database.write_bytes(spoil(database.read_bytes()))
    keep.check(database)
    assert keep.damage(database) == ""
    said = keep.notice(database)
    assert "was damaged" in said and "2026-01-01 are back" in said
    [aside] = database.parent.glob("mlflow-damaged-*.db")
    assert aside.name in said
    with sqlite3.connect(database) as connection:
        states = {value for (value,) in connection.execute("SELECT value FROM tags WHERE key = 'thaw_status'")}
    assert states == {"finished", "stopped"}, "what waited then is not trained again"
    keep.dismiss(database)
    assert keep.notice(database) == ""


def test_without_a_copy_it_begins_anew_and_says_so(database):
    database.write_bytes(b"")
    keep.check(database)
    assert not database.exists()
    assert "begins anew" in keep.notice(database)


def test_a_damaged_copy_is_passed_over(database):
    keep.back_up(database, DAY)
    keep.back_up(database, DAY + dt.timedelta(days=1))
    keep.backups(database)[-1].write_bytes(b"")
    database.write_bytes(b"")
    keep.check(database)
    assert "2026-01-01 are back" in keep.notice(database)


def test_one_copy_a_day_and_seven_in_all(database):
    assert [keep.back_up(database, DAY) for _ in range(2)] == [True, False]
    for n in range(1, 10):
        keep.back_up(database, DAY + dt.timedelta(days=n))
    assert [p.stem[-2:] for p in keep.backups(database)] == [f"{n:02}" for n in range(4, 11)]
    assert all(keep.damage(p) == "" for p in keep.backups(database))


def test_a_damaged_one_is_never_copied(database):
    database.write_bytes(b"no database at all" * 500)
    assert not keep.back_up(database, DAY)


def test_a_data_directory_of_a_newer_version_is_refused(fresh_data_dir):
    fresh_data_dir.mkdir()
    keep.require_readable(fresh_data_dir)
    keep.require_readable(fresh_data_dir)
    (fresh_data_dir / "format").write_text("2")
    with pytest.raises(StoreError, match="newer version of Thaw"):
        RunStore()


def test_a_database_of_a_newer_version_is_a_sentence(database):
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(StoreError, match="another version of MLflow"):
        RunStore()


def test_one_run_of_a_newer_version_fails_alone(database):
    store = RunStore()
    newer = store.create(Experiment(), name="of tomorrow")
    store.client.set_tag(newer, "thaw_experiment", '{"quantum": true}')
    assert "of tomorrow" not in {r.name for r in store.list()} and len(store.list()) == 2
    assert store.unreadable() == {newer: "of tomorrow"}
    with pytest.raises(RunError, match="newer version"):
        store.get(newer)
    store.delete(newer)
    assert store.unreadable() == {}
