"""The report of a pair: the page's own sentence, both verdicts, four charts on the same axes."""

import re

from core.export import Side, report
from core.runs import RunStore
from core.runs.pair import sentence
from tests import made_runs


def test_report_of_a_pair_begins_with_the_sentence_and_shows_both_sides():
    store = RunStore()
    before, after = (
        Side(store.get(i), store.curves(i), store.evaluation(i), store.diagnosis(i)) for i in made_runs.pair(store)
    )
    page = report(*after, before)
    said = sentence((before.run.experiment, after.run.experiment), [(before.evaluation, after.evaluation)])
    assert said.text in page and page.index(said.text) < page.index("Before: all frozen") < page.index(
        "After: last 4 thawed"
    )
    charts = re.findall(r'<div id="[^"]+" class="plotly-graph-div"', page)
    assert len(charts) == 4 + 1  # and the confusion matrix
    for side in (before, after):
        assert side.diagnosis.title in page
