"""The verdict: in words, where it shows, and what to try."""

from streamlit.testing.v1 import AppTest

from core.runs import RunStore
from core.words import plain
from tests.pages.reading import unlinked


def test_a_finished_run_gets_its_verdict_in_words(app, finished_runs):
    app.query_params["run"] = finished_runs[1]
    app.switch_page("pages/lab.py").run()
    assert not app.exception
    diagnosis, said = RunStore().diagnosis(finished_runs[1]), [unlinked(m.value) for m in app.markdown]
    assert plain(diagnosis.summary) in said and any(diagnosis.title in h.value for h in app.get("html"))


def draw_example() -> None:
    import pandas as pd
    import streamlit as st

    from core.diagnosis import diagnose_history
    from pages.parts.run import verdict

    history = pd.DataFrame(
        {
            "loss": [1.4, 1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1],
            "val_loss": [1.2, 0.9, 0.8, 0.76, 0.77, 0.82, 0.9, 1.0],
        }
    )
    diagnosis = diagnose_history(history)
    verdict.draw(diagnosis, key="it", actions=False)
    st.text(" ".join(mark.kind for mark in verdict.pointed(diagnosis, "it")))


def test_show_me_where_points_at_the_curves_and_can_be_hidden():
    page = AppTest.from_function(draw_example, default_timeout=60).run()
    assert page.text[0].value == ""
    next(b for b in page.button if b.label == "Show me where").click().run()
    assert page.text[0].value == "span"
    next(b for b in page.button if b.label == "Hide it").click().run()
    assert page.text[0].value == ""
