"""What holds for every page."""

from pathlib import Path

import pytest
import streamlit as st

from pages.parts import nav
from tests.isolation import without_network_if_allowed

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(nav.PAGES)
HEADINGS = {
    "start": "Thaw a network, see what it learns",
    "data": "Data",
    "compare": "Compare",
    "how_far": "How far to thaw?",
    "diagnose": "Diagnose my curves",
    "runs": "Runs",
    "see": "See",
    "learn": "Learn",
}
CONTROLS = (
    "button",
    "slider",
    "select_slider",
    "number_input",
    "selectbox",
    "multiselect",
    "radio",
    "toggle",
    "text_input",
    "text_area",
    "button_group",
    "file_uploader",
    "download_button",
)


@pytest.mark.parametrize("name", NAMES)
def test_somebody_who_empties_the_servers_caches_costs_others_no_more_than_time(open_page, finished_runs, name):
    """Any browser may ask for that; Streamlit then forgets everything that pages keep for all sessions."""
    page = open_page(name, run_id=finished_runs[1], baseline_id=finished_runs[0])
    st.cache_data.clear()
    st.cache_resource.clear()
    page.run()
    assert not page.exception and not page.error
    assert name not in HEADINGS or page.title[0].value == HEADINGS[name]


@pytest.mark.parametrize("name", NAMES)
def test_page_opens_with_its_heading_and_every_control_explains_itself(open_page, name):
    page = open_page(name)
    if name in HEADINGS:
        assert page.title[0].value == HEADINGS[name]
    else:
        assert any("<h1>Lab</h1>" in h.value for h in page.get("html") if hasattr(h, "value")) or page.tabs

    silent = [(kind, w.proto.label) for kind in CONTROLS for w in page.get(kind) if not w.proto.help]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_every_page_begins_with_the_router(name):
    """Until a session came through app.py, Streamlit runs page files without it."""
    text = (ROOT / "pages" / f"{name}.py").read_text()
    assert "\nnav.require_router()\n" in text


def test_core_never_imports_streamlit():
    offenders = [p for p in (ROOT / "core").rglob("*.py") if "streamlit" in p.read_text().replace("Streamlit", "")]
    offenders = [
        p.name
        for p in offenders
        if any(x.strip().startswith(("import streamlit", "from streamlit")) for x in p.read_text().splitlines())
    ]
    assert offenders == []


ALONE = """
import sys
from streamlit.testing.v1 import AppTest
from core.engine import cluster
try:
    app = AppTest.from_file(sys.argv[1], default_timeout=120).run()
    sys.addaudithook(lambda event, args: print("changed", args[0].decode()) if event in {"os.putenv", "os.unsetenv"} else None)
    for name in sys.argv[2:]:
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, (name, app.exception)
        assert not app.error, (name, [e.value for e in app.error])
        print("opened", name, "with", {"tensorflow", "keras"} & set(sys.modules) or "neither")
finally:
    cluster.stop()
"""


def test_every_page_opens_without_network_tensorflow_or_a_change_of_the_environment(cut_off):
    """Threads that decode images read the environment meanwhile without a lock: that once ended the server on the first upload."""
    said = cut_off("-c", ALONE, str(ROOT / "app.py"), *NAMES, enter=without_network_if_allowed)
    assert said == [f"opened {name} with neither" for name in NAMES]
