"""A crash or a failing disk spoils any one file: people go on. Kinds of files are found by walking what was left behind."""

import os
import re
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import data, durable
from core.data import upload
from core.engine import cluster
from core.errors import EngineError
from core.experiment import DataSpec
from core.runs import RunStore
from pages.parts import nav, services
from tests import left_behind
from tests.left_behind import DAMAGES, Left, damage

ROOT = Path(__file__).resolve().parents[2]
# What is no file of ours with a seal: (kind, why it can do without)
WITHOUT_SEAL = {
    r"datasets/uploads/#/images/": "a picture of somebody; the list of an upload knows its size and time",
    r"runs/mlflow\.db$|runs/backups/": "SQLite checks itself",
    r"^format$": "a number; what is none is taken as this version's",
    r"\.seal$": "the seal itself",
}
opened: set[Path] = set()
listening = False


def _note(event: str, arguments: tuple) -> None:
    if listening and event in {"open", "sqlite3.connect"} and isinstance(arguments[0], str | os.PathLike):
        opened.add(Path(os.fspath(arguments[0]).removeprefix("file:").partition("?")[0]))


sys.addaudithook(_note)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    home = tmp_path_factory.mktemp("left") / "data"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(home))
        made = left_behind.make(home, tmp_path_factory.mktemp("scratch"))
        patch.setattr(cluster, "connection", _no_worker)
        yield made


def _no_worker(_store: str = "") -> cluster.Connection:
    raise EngineError("There is no worker in this test.")


@pytest.fixture(scope="module")
def readers(left) -> dict[str, list[str]]:
    """Return for each kind the pages that open files of it."""
    global listening
    found = {kind: [] for kind in left.kinds()}
    for page in nav.PAGES:
        restart()
        opened.clear()
        listening = True
        assert not visit(left, page).exception
        listening = False
        read = {left.kind_of(path) for path in opened if path.is_relative_to(left.home)}
        for kind in read & set(found):
            found[kind].append(page)
        left.restore()
    return found


def restart() -> None:
    """Forget what this process has read, as a server does that starts again."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    if services._made.cache_info().currsize:
        services._engine().close()
    for engine in SqlAlchemyStore._engine_map.values():
        engine.dispose()
    services._made.cache_clear()
    durable._checked.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()


def session(left: Left) -> AppTest:
    """Begin as somebody does who was working on the second run."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    app.query_params.update(
        run=left.second, before=left.first, runs=f"{left.first},{left.second}", depth=left.sweep, show="What moved"
    )
    app.session_state.run_id, app.session_state.baseline_id, app.session_state.all_groups = (
        left.second,
        left.first,
        True,
    )
    app.session_state.experiment, app.session_state.undo, app.session_state.redo = left.experiment, [], []
    return app.run()


def visit(app: AppTest, page: str) -> list[str]:
    """Open a page and return what nobody should see there."""
    app.switch_page(f"pages/{page}.py").run()
    return [e.value for e in app.exception] + [e.value for e in app.error if "It is number" in e.value]


def test_every_file_has_a_seal_or_a_reason(left):
    bare = [
        kind
        for kind, path in left.kinds().items()
        if not path.with_name(path.name + durable.SEAL_SUFFIX).exists()
        and not any(re.search(pattern, kind) for pattern in WITHOUT_SEAL)
    ]
    assert bare == []


@pytest.mark.parametrize("how", DAMAGES, ids=lambda f: f.__name__)
def test_people_go_on(left, readers, how):
    trouble = []
    for kind, path in left.kinds().items():
        restart()
        damage(path, how)
        for page in readers[kind]:
            app = visit(left, page)
            trouble += [(kind, page, e.value) for e in app.exception]
            trouble += [(kind, page, e.value) for e in app.error if "It is number" in e.value]
        trouble += [(kind, "afterwards", what) for what in broken(left, path)]
        left.restore()
    assert trouble == []


def broken(left: Left, path: Path) -> list[str]:
    """Return what does not go on after the damage of a file: other runs, other images, the upload again, the removal of a bad run."""
    store, found = RunStore(), []
    for source, content in left.archives.items():
        import io

        again = (
            upload.import_archive(io.BytesIO(content), "again.zip")
            if path.is_relative_to(left.upload(source))
            else source
        )
        if again != source or len(data.load(DataSpec(source=source), 96).train) == 0:
            found.append(f"{source} is gone")
    bad = [run for run in store.list() if store.damaged().get(run.id)]
    spoilt = [run.id for run in store.list() if f"/{run.id}/" in path.as_posix()]
    if {run.id for run in bad} != set(spoilt):
        found.append(f"damaged runs {spoilt}, named {[run.title for run in bad]}")
    for run in store.list():
        if run.id not in spoilt and run.status == "finished" and store.evaluation(run.id) is None:
            found.append(f"{run.title} has lost its answers")
    for run_id in spoilt:
        store.delete(run_id)
        if run_id in {run.id for run in store.list()}:
            found.append("cannot be deleted")
    return found
