"""See: what did it learn to look at?"""

import pytest

TABS = ["Try it", "Where it looks", "Map of pictures", "What moved", "The path between", "Without these pictures"]


@pytest.fixture
def see(open_page, finished_runs):
    """Open the page with the pair of runs and one of its questions."""

    def opened(tab: str, before: str | None = finished_runs[0]):
        state = {"see_after": finished_runs[1], "see_before": before or "", "see_tab": tab}
        return open_page("see", **state)

    return opened


def said(page) -> str:
    return " ".join(m.value for m in page.markdown)


def test_both_models_answer_a_test_picture(see):
    page = see("Try it")
    assert [t.label for t in page.tabs] == TABS
    assert "Before: " in said(page) and "After: " in said(page)
    assert not page.error and len(page.get("image") or page.get("imgs")) >= 1


def test_heat_maps_say_how_honest_they_are(see):
    page = see("Where it looks")
    assert said(page).count("Covering the hottest fifth takes") == 2


@pytest.mark.parametrize(
    ("tab", "sentence"),
    [
        ("Map of pictures", "ten nearest training pictures"),
        ("What moved", "most of all Conv_1"),
        ("The path between", "better than"),
        ("Without these pictures", "the validation error grows"),
    ],
)
def test_each_question_is_answered_in_a_sentence(see, tab, sentence):
    page = see(tab)
    assert not page.error, [e.value for e in page.error]
    assert sentence in said(page)


def test_a_path_needs_two_runs(see):
    page = see("The path between", before=None)
    assert any("Choose a run under “Before”" in i.value for i in page.info)
