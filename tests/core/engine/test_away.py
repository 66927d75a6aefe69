"""A scheduler that hangs or is cut off freezes nobody, and is found again."""

import subprocess
import sys
import threading
import time

import pytest

from core.engine import Engine, link, watch
from core.errors import EngineError
from core.experiment import Experiment
from core.runs import RunStore
from tests.stalling import Proxy


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler without workers, behind a network that can fail."""
    code = (
        "import asyncio\nfrom distributed import Scheduler\n"
        "class Quiet(Scheduler):\n    def start_http_server(self, *a, **k): pass\n"
        "async def main():\n"
        "    async with Quiet(host='127.0.0.1', port=0, dashboard=False) as s:\n"
        "        print(s.address, flush=True)\n        await s.finished()\n"
        "asyncio.run(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with Proxy(int(process.stdout.readline().rpartition(":")[2])) as proxy:
        yield proxy
    process.kill()
    process.wait()


@pytest.fixture
def engine(scheduler, fresh_data_dir, monkeypatch):
    monkeypatch.setattr(link, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(link, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(watch, "WATCHED_PAUSE", 0.05)
    made = Engine(RunStore(), f"tcp://127.0.0.1:{scheduler.port}")
    yield made
    scheduler.heal()
    made.close()


def until(engine: Engine, *statuses: str) -> None:
    deadline = time.monotonic() + 120
    while engine.state().status not in statuses:
        assert time.monotonic() < deadline, engine.state()
        time.sleep(0.02)


def elsewhere(call):
    """Return a call that fails in the thread that draws pages, which is this test's."""
    drawing = threading.get_ident()

    def checked(*args):
        assert threading.get_ident() != drawing, "the thread that draws asks the scheduler"
        return call(*args)

    return checked


@pytest.mark.parametrize("trouble", ["stall", "cut"])
def test_pages_are_told_and_never_wait_and_it_comes_back(scheduler, engine, trouble, monkeypatch):
    until(engine, "starting")
    while engine._watch._seen is None:
        time.sleep(0.02)
    getattr(scheduler, trouble)()
    until(engine, "unreachable")
    monkeypatch.setattr(link.Link, "client", property(elsewhere(link.Link.client.fget)))
    assert "They last answered" in engine.state().text and "go on by themselves" in engine.state().text
    run_id = engine.submit(Experiment())
    with pytest.raises(EngineError, match="last answered"):
        engine.call(len, ())
    engine.stop(run_id)
    assert engine.store.get(run_id).status == "stopped"
    scheduler.heal()
    until(engine, "starting")
