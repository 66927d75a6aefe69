"""Each fact is told once: what a summary says is not repeated below it."""

import re

import pytest

from core.diagnosis import diagnose_history
from core.diagnosis.report import Fact, unsaid
from tests.core.diagnosis.test_bare import decay, frame

LOSSES = {
    "good": (decay(1.4, 0.1, 30, 20), decay(1.5, 0.12, 30, 20)),
    "overfit": (decay(1.4, 0.02, 30, 10), [*decay(1.5, 0.5, 12, 6), *[0.5 + 0.05 * i for i in range(18)]]),
    "diverged": ([1.4, 1.2, 1.1, 1.3, 2.0, 4.0, 9.0, 30.0], [1.4, 1.2, 1.1, 1.3, 2.0, 4.0, 9.0, 30.0]),
    "early": (decay(2.0, 0.9, 6, 20), decay(2.0, 1.0, 6, 20)),
}


def test_a_fact_whose_numbers_are_told_is_left_out_and_one_without_numbers_stays():
    facts = [
        Fact("gap", "gap of 5 points", 0.05),
        Fact("rise", "rose 43% after epoch 18", 0.43),
        Fact("n", "no pause", 0),
    ]
    assert [f.name for f in unsaid(facts, "It lies 5 points below.")] == ["rise", "n"]
    assert [f.name for f in unsaid(facts, "It rose 43%, after epoch 18, by 15 points.")] == ["gap", "n"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_summary_says_no_number_twice(name):
    loss, val_loss = LOSSES[name]
    found = diagnose_history(frame(loss=loss, val_loss=val_loss))
    numbers = re.findall(r"\d+\.\d+|\d+%", found.summary)
    assert len(numbers) == len(set(numbers)), found.summary
    for finding in found.findings[:1]:
        assert finding.explanation in found.summary
        assert not finding.explanation or found.summary.count(finding.explanation.split(".")[0]) == 1
