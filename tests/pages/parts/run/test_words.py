"""Times, numbers and downloads as the page says them."""

import re
from pathlib import Path

from core.training.costs import duration
from pages.parts.run import trials

ROOT = Path(__file__).resolve().parents[4]


def test_times_are_said_as_people_say_them():
    assert [duration(s) for s in (5, 60, 180, 753, 9000)] == ["5 s", "60 s", "3 min", "13 min", "2.5 h"]


def test_one_remedy_is_one():
    assert trials._counted(1) == "one remedy is" and trials._counted(3) == "3 remedies are"


def test_a_trial_that_must_exceed_the_budget_says_so():
    assert trials._beyond(753, 180) == ": the budget of 3 min lasts for none, so one is tried"
    assert trials._beyond(100, 180) == ""


def test_no_download_draws_the_page_again():
    """A rerun withdraws what the browser has just begun to fetch: of two downloads at once one was lost."""
    text = (ROOT / "pages" / "parts" / "run" / "exports.py").read_text()
    assert len(re.findall(r"\.download_button\(", text)) == len(re.findall(r'on_click="ignore"', text)) > 0
