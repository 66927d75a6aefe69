"""A pair of runs on a page: the sentence, a verdict a side, four charts on the same axes, the answers that changed."""

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from core.diagnosis.remedies import worth_trying
from core.experiment import DataSpec, DrawnDials
from core.runs import RunStore
from core.runs.pair import OTHER_IMAGES, sentence
from core.words import plain
from tests import made_runs
from tests.made_runs import Made
from tests.pages.reading import unlinked


@pytest.fixture(scope="module")
def runs() -> tuple[str, str]:
    return made_runs.pair(RunStore())


def draw(before: str, after: str, actions: bool = False) -> None:
    from unittest.mock import patch

    from core.runs import RunStore
    from pages.parts import pair

    store = RunStore()
    with patch("streamlit.page_link"):  # there are no other pages here
        pair.draw(store.get(before) if before else None, store.get(after), key="it", actions=actions)


def shown(*runs: str) -> AppTest:
    page = AppTest.from_function(draw, args=runs, default_timeout=60).run()
    assert not page.exception, page.exception
    return page


def html(page: AppTest) -> str:
    return " ".join(h.value for h in page.get("html"))


def test_the_sentence_is_the_evaluations(runs):
    store = RunStore()
    found = [store.get(i) for i in runs]
    said = sentence(
        (found[0].experiment, found[1].experiment), [(store.evaluation(runs[0]), store.evaluation(runs[1]))]
    )
    assert f"<h2>{said.text}</h2>" in html(shown(*runs)) and said.outcome == "better"


def test_each_side_has_its_own_verdict_curves_and_figures(runs):
    page = shown(*runs)
    told = html(page)
    for run_id, role in zip(runs, ("Before", "After"), strict=True):
        diagnosis = RunStore().diagnosis(run_id)
        line = re.search(
            rf'<div class="verdict {diagnosis.verdict}"><p><span class="role">{role}</span>.*?</div>', told
        )
        assert line and diagnosis.title in line[0] and diagnosis.sureness in line[0]
        validation = RunStore().evaluation(run_id).splits["validation"]
        assert f"<b>{validation.accuracy:.0%}</b> validation" in told
    charts = page.get("plotly_chart")
    assert len(charts) == 4


def test_the_strip_holds_as_many_pictures_as_answers_changed(runs):
    a, b = (RunStore().evaluation(i).splits["validation"] for i in runs)
    told = html(shown(*runs))
    gained = int(((a.predicted != a.labels) & (b.predicted == b.labels)).sum())
    lost = int(((a.predicted == a.labels) & (b.predicted != b.labels)).sum())
    assert told.count('<figure role="listitem" class="right"') == min(gained, 12 - min(lost, 4))
    assert told.count("data:image/jpeg") == min(gained + lost, 12)
    key = f"12 of {gained + lost}" if gained + lost > 12 else str(gained + lost)
    assert f"<b>{key}</b> changed answer" in told


def test_an_ill_side_says_what_to_try_first(runs):
    store = RunStore()
    remedy = worth_trying(store.diagnosis(runs[0]).findings, store.get(runs[0]).experiment, most=1)[0]
    ill = re.search(r'<span class="role">Before</span>.*?</div>', html(shown(*runs)))
    assert ill and f"Try: {remedy.title}" in ill[0]


def test_the_ill_side_is_explained_first_and_the_other_can_be_chosen(runs):
    page = shown(*runs)
    first, second = (RunStore().diagnosis(i) for i in runs)
    assert first.verdict != "good_fit"
    assert page.button_group[0].value == "Before"
    assert any(plain(first.summary) in unlinked(m.value) for m in page.markdown)
    page.button_group[0].set_value("After").run()
    assert any(plain(second.summary) in unlinked(m.value) for m in page.markdown)


def test_one_run_alone_has_a_verdict_and_no_sentence(runs):
    told = html(shown("", runs[1]))
    assert 'class="sentence' not in told and told.count('class="verdict ') == 1


def test_runs_on_different_images_are_warned_about(runs):
    store = RunStore()
    x = store.get(runs[1]).experiment
    dim = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=200, difficulty=0.1, brightness_shift=0.9))
    other = made_runs.put(store, x.replace(data=dim), Made(0.9, 0.5))
    told = html(shown(runs[1], other))
    assert OTHER_IMAGES in told and 'class="changed"' not in told


def test_a_run_that_failed_says_why(runs):
    store = RunStore()
    failed = store.create(store.get(runs[0]).experiment)
    store.finish(failed, "failed", error="The disk is full.")
    page = shown(runs[0], failed)
    assert any("The disk is full." in e.value for e in page.error)


def test_a_repeated_pair_rests_on_its_seeds_and_is_there_after_a_reload():
    store = RunStore()
    before, after = made_runs.pair(store)
    for seed in (211, 422, 633):
        for name, run_id, made in (("before", before, Made(0.7, 0.6)), ("after", after, Made(0.95, 0.85))):
            x = store.get(run_id).experiment
            x = x.replace(training=x.training.replace(seed=seed))
            made_runs.put(store, x, made, seed=seed, name=name, group=f"seeds-{before[:16]}-{after[:16]}")
    page = shown(before, after)
    told = html(page)
    assert "on 3 seeds: better on 3" in told and told.count("<circle") == 4
    assert _bands(page) == 8  # a band for training and validation in each of the four charts


def test_where_a_finding_shows_is_drawn_on_the_runs_own_curves_though_its_seeds_are_shown():
    store = RunStore()
    before, after = made_runs.pair(store, Made(0.97, 0.6, rise=0.9), Made(0.95, 0.85))
    for seed in (211, 422):
        for name, run_id, made in (("before", before, Made(0.9, 0.6)), ("after", after, Made(0.95, 0.85))):
            x = store.get(run_id).experiment
            x = x.replace(training=x.training.replace(seed=seed))
            made_runs.put(store, x, made, seed=seed, name=name, group=f"seeds-{before[:16]}-{after[:16]}")
    page = shown(before, after)
    assert _bands(page) == 8
    _press(page, "Show me where")
    assert _bands(page) == 4 + 1, "the other side stays a mean of seeds; this one has the interval of its own accuracy"
    assert any(json.loads(c.proto.spec)["layout"].get("shapes") for c in page.get("plotly_chart")[:2])


def _bands(page: AppTest) -> int:
    drawn = [json.loads(c.proto.spec)["data"] for c in page.get("plotly_chart")]
    return sum(trace.get("fill") == "tonexty" for data in drawn for trace in data)


def _press(page: AppTest, label: str) -> None:
    next(b for b in page.button if b.label == label).click().run()
