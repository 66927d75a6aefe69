"""A running app for page tests: the real store, the real worker."""

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import RunStore

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app() -> AppTest:
    """The app on its first page."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=90).run()


@pytest.fixture
def open_page(app):
    """Open a page by its name."""

    def opened(name: str, **state: object) -> AppTest:
        for key, value in state.items():
            app.session_state[key] = value
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture(scope="session")
def finished_runs() -> list[str]:
    """Two short runs of the same images, trained for real by the embedded worker: all frozen, last 4 thawed."""
    from core.engine import Engine
    from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, TrainingSpec

    engine = Engine(RunStore())
    base = Experiment(
        data=DataSpec(source="builtin:digits", classes=("0", "1", "2"), images_per_class=20),
        backbone=BackboneSpec(size=96, alpha=0.35, weights="builtin"),
        training=TrainingSpec(epochs=4),
    )
    ids = [
        engine.submit(base.replace(freeze=FreezeSpec.last(n)), name=name)
        for n, name in ((0, "page test frozen"), (4, "page test thawed"))
    ]
    assert [engine.wait(i, timeout=240) for i in ids] == ["finished", "finished"]
    deadline = time.monotonic() + 60  # the models are written after the verdicts
    while not all(engine.store.model_path(i) for i in ids) and time.monotonic() < deadline:
        time.sleep(0.05)
    engine.close()
    return ids
