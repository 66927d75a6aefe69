"""What lies behind the curves of finished runs."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation import Evaluation, Predictions
from core.runs import RunStore
from pages.parts.run import details


def draw(before: str, after: str) -> None:
    from core.runs import RunStore
    from pages.parts.run import details

    store = RunStore()
    details.draw(store.get(before), store.get(after), "it")


@pytest.fixture
def opened(finished_runs):
    """Open one of the tabs."""

    def on(tab: str) -> AppTest:
        page = AppTest.from_function(draw, args=tuple(finished_runs), default_timeout=60)
        page.session_state.it_details = tab
        assert not page.run().exception, page.exception
        return page

    return on


def test_confusion_and_scores_stand_beside_those_of_the_run_before(opened):
    page = opened("Confusion")
    assert [m.value for m in page.markdown][:2] == ["**Before**", "**After**"]
    assert len(page.get("plotly_chart")) == 2
    scores = opened("Per class").dataframe[0].value
    assert scores["class"].tolist() == ["0", "1", "2"] and "F1 before" in scores


def test_says_where_the_frontier_lies_what_was_reused_and_how_long_without_it(opened):
    told = next(m.value for m in opened("How it ran").markdown if m.value.startswith("**The frozen frontier.**"))
    assert "is frozen and computed once" in told and "plain Keras" in told


def test_the_evidence_stands_in_one_table_with_its_uncertainty(opened):
    page = opened("Evidence")
    table = page.dataframe[0].value.set_index("evidence")
    assert "to +" in table.loc["Generalisation gap, training minus validation", "95% interval"]
    assert {"Thawed kernels moved by (median)", "Gradient over kernel, last step (median)", "Calibration error"} <= set(
        table.index
    )
    assert len(page.get("plotly_chart")) == 2


def test_suspected_wrong_labels_are_the_planted_ones(finished_runs):
    store = RunStore()
    evaluation = store.evaluation(finished_runs[1])
    train = evaluation.splits["train"]
    sure = (np.full((len(train.labels), 3), 0.02) + 0.94 * np.eye(3)[train.labels]).astype(np.float32)
    labels = train.labels.copy()
    labels[:5] = (labels[:5] + 1) % 3
    planted = Evaluation(evaluation.class_names, {"train": Predictions(labels, sure, train.names, train.rows)})
    found = details.suspects(store.curves(finished_runs[1]), planted, {})
    assert sorted(found.rows) == [0, 1, 2, 3, 4]
    assert (found.answers == train.labels[found.rows]).all()


@pytest.mark.parametrize("tab", ["Wrong images", "What changed", "Doubtful labels"])
def test_every_tab_shows_something(opened, tab):
    page = opened(tab)
    assert len(page.caption) + len(page.success) + len(page.info)
