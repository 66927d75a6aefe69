"""A crash or a failing disk spoils any one file: people go on. Kinds of files are found by walking what was left behind."""

import io
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
        restart()  # an engine that lives on would start a cluster for these runs in place of the one that other tests share


def _no_worker(_store: str = "") -> cluster.Connection:
    raise EngineError("There is no worker in this test.")


@pytest.fixture(scope="module")
def readers(left) -> dict[str, tuple[Path, list[str]]]:
    """Return for each kind of file one that is damaged, and the pages that open files of the kind."""
    global listening
    pages: dict[str, list[str]] = {kind: [] for kind in left.kinds()}
    victims = left.kinds()
    for page in nav.PAGES:
        restart()
        opened.clear()
        listening = True
        assert visit(session(left), page) == []
        listening = False
        for path in (p for p in opened if left.had(p)):
            kind = left.kind_of(path)
            if kind in pages and page not in pages[kind]:
                victims[kind] = path if not pages[kind] else victims[kind]
                pages[kind].append(page)
        left.restore()
    return {kind: (victims[kind], pages[kind]) for kind in pages}


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


@pytest.mark.parametrize("turn", range(len(DAMAGES)), ids=[f.__name__ for f in DAMAGES])
def test_people_go_on(left, readers, turn):
    """Every kind is damaged in every way. A file with a seal is then absent, whatever happened to it: the pages see it damaged in one way."""
    trouble = []
    for number, (kind, (path, pages)) in enumerate(readers.items()):
        restart()
        damage(path, DAMAGES[turn])
        is_sealed = path.with_name(path.name + durable.SEAL_SUFFIX).exists()
        if is_sealed and durable.is_whole(path):
            trouble.append((kind, "is believed"))
        if not is_sealed or number % len(DAMAGES) == turn:
            app = session(left)
            mine = pages if is_sealed else pages[turn :: len(DAMAGES)] or pages[:1]
            trouble += [(kind, page, what) for page in mine for what in visit(app, page)]
            trouble += [(kind, "afterwards", what) for what in broken(left, path)]
        left.restore()
    assert trouble == []


def test_what_was_derived_is_made_anew(left, readers):
    restart()
    derived = [path for kind, (path, _) in readers.items() if kind.startswith(("datasets/index", "datasets/groups", "datasets/decoded")) and path.suffix != durable.SEAL_SUFFIX]  # fmt: skip
    was = [path.read_bytes() for path in derived]
    for path in derived:
        damage(path, DAMAGES[turn_of(path)])
    assert not any(map(durable.is_whole, derived))
    assert visit(session(left), "data") == []
    assert [path.read_bytes() for path in derived] == was
    left.restore()


def turn_of(path: Path) -> int:
    return len(path.parts[-2]) % len(DAMAGES)


def broken(left: Left, path: Path) -> list[str]:
    """Return what does not go on after the damage of a file: other runs, other images, the upload again, the removal of a bad run."""
    store, found = RunStore(), []
    for source, content in left.archives.items():
        if path.is_relative_to(left.upload(source)) and upload.import_archive(io.BytesIO(content), "again") != source:
            found.append(f"{source}, uploaded again, is another")
        if len(data.load(DataSpec(source=source), 96).train) < 12:
            found.append(f"{source} has lost pictures")
    runs, damaged = store.list(), store.damaged()
    spoilt = {run.id for run in runs if f"/{run.id}/" in path.as_posix()}
    if set(damaged) != spoilt:
        found.append(f"damaged: {spoilt}, named: {damaged}")
    found += [f"{r.title} has lost its answers" for r in runs if r.id not in spoilt and store.evaluation(r.id) is None]
    for run_id in spoilt:
        store.delete(run_id)
    if spoilt & {run.id for run in store.list()}:
        found.append("a damaged run cannot be deleted")
    return found
