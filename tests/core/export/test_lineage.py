"""The tree of runs in the report: what was changed, what it brought, in order, and of this tree alone."""

import re

from core.experiment import FreezeSpec
from core.export.lineage import lineage
from core.runs import RunStore
from tests import made_runs
from tests.made_runs import Made


def test_runs_stand_below_the_one_they_were_changed_from():
    store = RunStore()
    before, after = made_runs.pair(store)
    x = store.get(after).experiment
    made_runs.put(
        store, x.replace(freeze=FreezeSpec.last(20)), Made(0.98, 0.9), name="<b>deeper</b>", baseline_id=after
    )
    made_runs.put(store, x.replace(freeze=FreezeSpec.last(8)), Made(0.9, 0.8), name="eight", baseline_id=before)
    made_runs.put(
        store, x.replace(freeze=FreezeSpec.last(9)), Made(0.9, 0.8), name="tried", baseline_id=before, group="trial-1"
    )
    made_runs.pair(store)  # another tree
    html = lineage(store, store.get(after))
    lines = re.findall(r'<li style="padding-left: ([0-9.]+)rem">(.*?)</li>', html, re.S)
    assert [float(depth) for depth, _ in lines] == [0.0, 1.4, 2.8, 1.4]
    assert "<b>last 4 thawed</b>" in lines[1][1] and "thaw 0 → 4" in lines[1][1] and "+28" in lines[1][1]
    assert "&lt;b&gt;deeper" in lines[2][1] and "thaw 4 → 20" in lines[2][1]
    assert "eight" in lines[3][1] and "tried" not in html and html.count("all frozen") == 1


def test_a_run_that_stands_alone_has_no_tree():
    store = RunStore()
    alone = made_runs.put(store, store.get(made_runs.pair(store)[0]).experiment, Made())
    assert lineage(store, store.get(alone)) == ""
