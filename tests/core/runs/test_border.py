"""What a store raises becomes a sentence, and one that is away freezes nobody."""

import sqlite3
import threading
import time

import pytest

from core.errors import StorageError, StoreError
from core.experiment import Experiment
from core.runs import RunStore, border
from tests.stalling import Proxy
from tests.tracking_server import TrackingServer


@pytest.fixture
def quick(monkeypatch):
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(border, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(border, "PROBE_SECONDS", 0.05)


@pytest.fixture
def server(tmp_path):
    with TrackingServer(tmp_path) as started, Proxy(started.server_port) as proxy:
        yield proxy


def address(proxy: Proxy) -> str:
    return f"http://127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("trouble", ["stall", "cut"])
def test_a_server_that_is_away_is_said_with_its_age_and_comes_back(server, quick, fresh_data_dir, trouble):
    patch = pytest.MonkeyPatch()
    pages = RunStore(address(server), remember=True)
    run_id = pages.create(Experiment(), name="mine")
    pages.log_epochs(run_id, [{"epoch": 1, "loss": 2.0}])
    before = pages.get(run_id), pages.list(), pages.curves(run_id)
    assert pages.problem == ""
    getattr(server, trouble)()
    assert pages.get(run_id) == before[0], "the last known state"
    assert "has not answered for" in pages.problem and "comes back by itself" in pages.problem
    patch.setattr(pages.client._server._threads, "submit", lambda *_: pytest.fail("it is asked though it is away"))
    assert [r.id for r in pages.list()] == [r.id for r in before[1]]
    assert pages.curves(run_id).equals(before[2])
    with pytest.raises(StoreError, match="has not answered"):
        pages.create(Experiment())
    patch.undo()
    server.heal()
    while pages.problem:
        time.sleep(0.02)
    assert pages.get(pages.create(Experiment())).active


def test_what_decides_is_never_answered_from_memory(server, quick, fresh_data_dir):
    store = RunStore(address(server))
    run_id = store.create(Experiment())
    assert store.begin(run_id) and not store.begin(run_id)
    server.stall()
    with pytest.raises(StoreError):
        store.get(run_id)


def test_a_refusing_server_is_a_sentence(quick, fresh_data_dir):
    with Proxy(1) as proxy:
        port = proxy.port
    with pytest.raises(StoreError, match="has not answered"):
        RunStore(f"http://127.0.0.1:{port}").list()


def test_a_held_database_is_waited_for(fresh_data_dir):
    store = RunStore()
    run_id = store.create(Experiment())
    holder = sqlite3.connect(fresh_data_dir / "runs" / "mlflow.db", check_same_thread=False, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    threading.Timer(0.5, holder.execute, ["COMMIT"]).start()
    store.set_tags(run_id, note="kept")
    assert store.tag(run_id, "note") == "kept"


def locked():
    raise RuntimeError("(sqlite3.OperationalError) database is locked")


def test_one_that_is_held_for_too_long_is_a_sentence():
    with pytest.raises(StoreError, match="held by another program"):
        border.waited_out(locked, seconds=0.1)


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (
            RuntimeError("(sqlite3.OperationalError) database or disk is full"),
            StorageError,
            "disk that keeps the runs is full",
        ),
        (OSError(28, "No space left on device"), StorageError, "disk that keeps the runs is full"),
        (RuntimeError("(sqlite3.DatabaseError) database disk image is malformed"), StoreError, "cannot be read"),
        (RuntimeError("attempt to write a readonly database"), StoreError, "cannot be written"),
        (ConnectionResetError("reset"), StoreError, "does not answer"),
    ],
)
def test_troubles_become_sentences(raised, kind, said):
    def call():
        raise raised

    with pytest.raises(kind, match=said):
        border.translated(call)


def test_a_mistake_of_the_caller_stays_what_it_is():
    with pytest.raises(ZeroDivisionError):
        border.translated(lambda: 1 / 0)


def test_a_finished_run_waits_for_its_store():
    answers = iter([StoreError("away"), StorageError("full"), "kept"])

    def call():
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    assert border.insist(call, seconds=5) == "kept"
