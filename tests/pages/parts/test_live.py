"""Live on the page: a change trains by itself, the result before it stays as a ghost, and only what is pinned is kept."""

import json
import re
import time

import pytest

from core.experiment import FreezeSpec
from core.runs import RunStore
from pages.parts import services


def _followed(page, experiment) -> str:
    """Ask for settings and look again, as a browser does, until their run has ended; return its id."""
    page.session_state.experiment = experiment
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        page.run()
        assert not page.exception and not page.error
        told = " ".join(h.value for h in page.get("html"))
        ended = re.search(r'data-run="(\w+)" data-epochs="\d+" data-ended="1"', told)
        if ended and RunStore().get(ended[1]).experiment == experiment:
            return ended[1]
        time.sleep(0.05)
    pytest.fail("the live run did not end")


def _lines(page) -> int:
    [chart] = [c for c in page.get("plotly_chart") if c.key == "live_loss"]
    return len(json.loads(chart.proto.spec)["data"])


def test_a_change_trains_by_itself_over_the_result_before_it_and_is_kept_where_it_is_pinned(open_page, finished_runs):
    x = RunStore().get(finished_runs[0]).experiment
    page = open_page("lab")
    page.toggle(key="live").set_value(True).run()
    first = _followed(page, x)
    alone = _lines(page)
    second = _followed(page, x.replace(freeze=FreezeSpec.last(1)))
    assert second != first
    assert _lines(page) > alone, "the first result is drawn as a ghost"
    assert any('class="sentence' in h.value and "Change anything" not in h.value for h in page.get("html"))
    kept = {r.id for r in RunStore().list(group="lab")}
    assert not {first, second} & kept
    page.button(key="live_pin").click().run()
    assert not page.exception
    pinned = [r for r in RunStore().list(group="lab") if r.id not in kept]
    assert [r.experiment for r in pinned] == [RunStore().get(second).experiment]
    assert services.engine().wait(pinned[0].id, timeout=120) == "finished"
    page.toggle(key="live").set_value(False).run()
    assert "live_runs" not in page.session_state
    RunStore().delete(pinned[0].id)
