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


def test_every_idea_has_its_figure_and_a_word_of_a_link_is_explained(app):
    app.query_params["word"] = "dropout"
    app.switch_page("pages/learn.py").run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 8  # underfitting beside overfitting; freezing is a picture
    assert any("Leaves units out at random" in info.value for info in app.info)
    assert any("](learn?word=" in m.value for m in app.markdown)
