"""What only one card has to show: doubtful labels, the shift, what helps; drawn for ended runs alone."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.diagnosis.report import Fact, Finding
from core.runs import RunStore
from pages.parts.demonstration import EVIDENCE
from tests import made_runs
from tests.made_runs import Made

SHIFT = Finding(
    "uncovered-shift",
    "Validation differs",
    "overfitting",
    0.9,
    "They are darker.",
    (Fact("shift", "by 20 of 255", 20.0),),
)


def draw(card: str, ids: list[str]) -> None:
    from core.runs import RunStore
    from core.studies.scenarios import SCENARIOS
    from pages.parts import demonstration

    demonstration.evidence(SCENARIOS[card], [RunStore().get(i) for i in ids])


def shown(card: str, runs: list[str]) -> AppTest:
    page = AppTest.from_function(draw, args=(card, runs), default_timeout=60).run()
    assert not page.exception, page.exception
    return page


@pytest.fixture
def pair() -> list[str]:
    return list(made_runs.pair(RunStore()))


def test_what_helps_is_said_with_its_interval_and_so_is_what_may_be_chance(pair):
    assert "surely lower" in shown("flatten", pair).markdown[0].value
    assert "may be chance" in shown("flatten", [pair[1], pair[1]]).markdown[0].value


def test_the_shift_is_told_where_it_was_found(pair):
    assert not shown("brightness", pair).markdown
    store = RunStore()
    other = made_runs.put(store, store.get(pair[0]).experiment, Made())
    found = replace(store.diagnosis(other), findings=(SHIFT,))
    store.save_results(other, store.evaluation(other), found, {}, {})
    told = shown("brightness", [other, pair[1]]).markdown[0].value
    assert "They are darker." in told and "by 20 of 255" in told


def test_labels_that_nobody_doubts_are_not_shown(pair):
    page = shown("labels", pair)
    assert (
        any("doubtful enough" in c.value for c in page.caption)
        or "suspicious training picture" in page.markdown[0].value
    )


def test_runs_that_have_not_ended_show_nothing(pair):
    waiting = RunStore().create(RunStore().get(pair[0]).experiment)
    for card in EVIDENCE:
        page = shown(card, [waiting, pair[1]])
        assert not page.markdown and not page.caption
    RunStore().finish(waiting, "stopped")
