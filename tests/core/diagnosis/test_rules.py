"""Every rule has its page, complete and current."""

import pytest

from core.diagnosis import RULES, rule_page
from core.diagnosis.remedies import REMEDIES
from core.diagnosis.rules import SECTIONS
from core.experiment import Experiment
from tools.rule_pages import FOLDER, pages


@pytest.mark.parametrize("code", RULES)
def test_every_rule_says_everything(code):
    page = rule_page(code)
    for section in SECTIONS:
        _, found, after = page.partition(f"## {section}\n\n")
        assert found, f"{code} has no section {section}"
        assert len(after.split("\n\n")[0]) > 15, f"{code} says nothing under {section}"


def test_pages_are_current():
    written = {p.name: p.read_text() for p in FOLDER.glob("*.md")}
    assert written == pages(), "run python -m tools.rule_pages"


@pytest.mark.parametrize("code", REMEDIES)
def test_remedies_are_pure_and_give_another_experiment_or_nothing(code):
    before = Experiment()
    copy = before.to_json()
    after = REMEDIES[code].apply(before)
    assert before.to_json() == copy
    assert after is None or after != before
