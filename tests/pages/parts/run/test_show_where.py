"""Show me where: it shows something, or is not there."""

from streamlit.testing.v1 import AppTest


def draw(verdict_name: str, code: str) -> None:
    from types import SimpleNamespace
    from unittest.mock import patch

    import streamlit as st

    from core.diagnosis.report import Diagnosis, Finding, Mark
    from core.experiment import Experiment
    from pages.parts.run import verdict

    finding = Finding(code, "It", verdict_name, 0.5, "Because.")
    found = Diagnosis(verdict_name, 0.9, "So.", (finding,), (Mark("epoch", "loss", "best", 2, y0=0.5),))
    with patch.object(verdict.details, "of_finding", lambda code, run, key: st.text(f"pictures of {code}")):
        verdict.explain(found, SimpleNamespace(message="", experiment=Experiment()), key="it", actions=False)


def test_a_good_fit_with_nothing_to_point_at_offers_no_button():
    page = AppTest.from_function(draw, args=("good_fit", "well-fitted"), default_timeout=60).run()
    assert not page.exception
    assert "Show me where" not in [b.label for b in page.button]


def test_wrong_labels_are_shown_right_there():
    page = AppTest.from_function(draw, args=("underfitting", "wrong-labels"), default_timeout=60).run()
    next(b for b in page.button if b.label == "Show me where").click().run()
    assert [t.value for t in page.text] == ["pictures of wrong-labels"]


def remedies(run: bool) -> None:
    from types import SimpleNamespace

    from core.diagnosis.report import Diagnosis, Finding
    from core.experiment import Experiment
    from pages.parts.run import verdict

    finding = Finding("rate-too-low", "It", "underfitting", 0.5, "Because.", remedies=("rate-up", "augment-none"))
    found = Diagnosis("underfitting", 0.9, "So.", (finding,), ())
    verdict.explain(
        found, SimpleNamespace(message="", experiment=Experiment()) if run else None, key="it", actions=False
    )


def test_where_nothing_can_be_applied_what_to_try_is_said_and_of_a_run_only_what_would_change_it():
    for run, told in ((True, "Ten times the learning rate"), (False, "Ten times the learning rate; No augmentation")):
        page = AppTest.from_function(remedies, args=(run,), default_timeout=60).run()
        assert not page.exception and f"**What to try**: {told}" in [m.value for m in page.markdown]
