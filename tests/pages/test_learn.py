"""Learn: the ideas, and the pages of the rules."""

from core.diagnosis import RULES


def test_an_idea_changes_the_experiment(open_page):
    page = open_page("learn")
    next(b for b in page.button if b.label == "Freeze everything and feel the speed").click().run()
    assert page.session_state.experiment.freeze.thawed == ()


def test_a_link_opens_the_page_of_a_rule(app):
    app.query_params["rule"] = "trained-too-long"
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    page = app.markdown[0].value  # the first on the page: whoever follows the link need not look for it
    assert page.startswith(f"# {RULES['trained-too-long'].title}")
    assert "## Why it happens" in page
