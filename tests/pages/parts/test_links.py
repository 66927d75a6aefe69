"""A link to what is not here is answered on every page that takes one; words of the glossary are links on every page that explains."""

import pytest

GONE = "0" * 32


@pytest.mark.parametrize(
    ("page", "query", "thing"),
    [
        ("lab", {"run": GONE}, "run"),
        ("see", {"run": GONE}, "run with a model"),
        ("see", {"before": GONE}, "run with a model"),
        ("compare", {"runs": f"{GONE},{'1' * 32}"}, "run"),
        ("how_far", {"depth": GONE}, "sweep"),
        ("how_far", {"amount": GONE}, "sweep"),
        ("learn", {"rule": "no-such-rule"}, "pattern"),
        ("learn", {"word": "no-such-word"}, "word"),
    ],
)
def test_what_is_not_here_is_said(app, finished_runs, page, query, thing):
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    said = [w.value for w in app.warning]
    assert any(f"There is no {thing} “" in text for text in said), said


def test_a_link_to_what_is_here_is_no_reason_to_warn(app, finished_runs):
    app.query_params["run"] = finished_runs[1]
    for page in ("lab", "see"):
        app.switch_page(f"pages/{page}.py").run()
        assert not any("There is no" in w.value for w in app.warning)


def test_a_name_in_a_link_is_shown_as_text(app, finished_runs):
    app.query_params["runs"] = "**bold** ![x](http://127.0.0.1/x.png)"
    app.switch_page("pages/compare.py").run()
    assert not any("![x](http" in w.value or "**bold**" in w.value for w in app.warning)


@pytest.mark.parametrize("page", ["start", "lab", "see", "compare", "how_far", "learn"])
def test_words_of_the_glossary_are_links(open_page, finished_runs, page):
    opened = open_page(page, run_id=finished_runs[1], baseline_id=finished_runs[0])
    if page == "see":
        opened.session_state.see_tab = "What moved"
        opened.run()
    texts = [m.value for m in [*opened.markdown, *opened.caption, *opened.info]]
    linked = [word for text in texts for word in text.split("learn?word=")[1:]]
    assert linked
    if page != "learn":
        assert len({w.split('"')[0] for w in linked}) == len(linked), "a word is linked once on a page"
