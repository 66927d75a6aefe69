"""The report of a pair: the page's own sentence, both verdicts, four charts on the same axes."""

import re

import pandas as pd

from core.export import Side, report
from core.runs import RunStore
from core.runs.pair import sentence
from core.studies import seeds
from tests import made_runs


def test_report_of_a_pair_begins_with_the_sentence_and_shows_both_sides():
    store = RunStore()
    before, after = (
        Side(store.get(i), store.curves(i), store.evaluation(i), store.diagnosis(i)) for i in made_runs.pair(store)
    )
    page = report(after, before)
    said = sentence((before.run.experiment, after.run.experiment), [(before.evaluation, after.evaluation)])
    assert said.text in page and page.index(said.text) < page.index("Before: all frozen") < page.index(
        "After: last 4 thawed"
    )
    charts = re.findall(r'<div id="[^"]+" class="plotly-graph-div"', page)
    assert len(charts) == 4 + 1  # and the confusion matrix
    for side in (before, after):
        assert side.diagnosis.title in page


def test_a_pair_that_was_repeated_rests_on_its_seeds():
    store = RunStore()
    before, after = (
        Side(store.get(i), store.curves(i), store.evaluation(i), store.diagnosis(i)) for i in made_runs.pair(store)
    )
    answers = [(before.evaluation, after.evaluation)] * 3
    spreads = [seeds.spread([side.curves] * 3) for side in (before, after)]
    page = report(after._replace(spread=spreads[1]), before._replace(spread=spreads[0]), repeated=answers)
    said = sentence((before.run.experiment, after.run.experiment), answers)
    assert said.seeds == 3 and said.text in page
    assert "means of 3 seeds" in page
    assert "means of" not in report(after, before)


def test_the_stage_that_a_run_started_from_is_drawn_before_it():
    store = RunStore()
    run_id = made_runs.pair(store)[1]
    side = Side(store.get(run_id), store.curves(run_id), store.evaluation(run_id), store.diagnosis(run_id))
    staged, alone = report(side._replace(earlier=[side.curves])), report(side)
    assert staged.count("fine-tuning starts") == 2  # in the plots of loss and accuracy
    assert "fine-tuning starts" not in alone


def test_the_report_is_small_enough_to_send():
    store = RunStore()
    before, after = (
        Side(store.get(i), store.curves(i), store.evaluation(i), store.diagnosis(i)) for i in made_runs.pair(store)
    )
    assert len(report(after, before)) < 2_500_000  # 3 MB with what See adds
    assert 'id="plotly"' not in report(Side(before.run, pd.DataFrame(), None, None))
