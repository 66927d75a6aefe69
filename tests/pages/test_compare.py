"""Compare: which run is better, and why?"""


def test_shows_curves_figures_and_what_differs(open_page, finished_runs):
    page = open_page("compare", compared=finished_runs)
    keys = [chart.key for chart in page.get("plotly_chart")]
    assert len([k for k in keys if k.startswith(("compare_Before", "compare_After"))]) == 4, (
        "two runs, loss and accuracy each"
    )
    assert any("tree" in k for k in keys)
    assert any('class="sentence' in h.value for h in page.get("html"))
    figures, settings = page.dataframe[0].value, page.dataframe[1].value
    assert figures["run"].tolist() == ["page test frozen", "page test thawed"]
    assert all("%" in share for share in figures["validation"])
    assert list(settings.index) == ["freeze: thawed"]


def test_says_which_answers_changed(open_page, finished_runs):
    page = open_page("compare", compared=finished_runs)
    assert any("Wrong before, right now" in m.value for m in page.markdown)


def test_one_run_is_not_enough(open_page, finished_runs):
    page = open_page("compare", compared=finished_runs[:1])
    assert any("at least two" in i.value for i in page.info)
