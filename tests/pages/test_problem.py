"""What nobody foresaw is one designed page; what is away is said on every page."""

import pytest
from streamlit.testing.v1 import AppTest

from core import logs
from core.errors import StoreError
from pages.parts import problem, services


def broken(kind: str) -> None:
    from core.errors import RunError
    from pages.parts import problem

    problem.show(
        RunError("There is no such run. Look on the Runs page.") if kind == "known" else ZeroDivisionError("secret")
    )


def test_the_unforeseen_has_a_number_that_leads_to_the_log(fresh_data_dir, monkeypatch):
    monkeypatch.setattr(problem.nav, "path", lambda name: "app.py")
    log = logs.set_up("test")
    page = AppTest.from_function(broken, args=("unknown",)).run()
    [said] = [e.value for e in page.error]
    number = said.split("number ")[1].split()[0]
    assert "secret" not in said and "ZeroDivisionError" not in said
    assert f"Number {number}: secret" in log.read_text() and "ZeroDivisionError" in log.read_text()


def test_what_is_written_for_people_is_shown_as_it_is(fresh_data_dir, monkeypatch):
    page = AppTest.from_function(broken, args=("known",)).run()
    assert [e.value for e in page.error] == ["There is no such run. Look on the Runs page."]


def test_every_page_says_when_the_store_is_away(monkeypatch):
    monkeypatch.setattr(services, "problem", lambda: "The run store has not answered for 12 s.")
    page = AppTest.from_file("../../app.py", default_timeout=60).run()
    assert "has not answered for 12 s" in page.warning[0].value


def test_a_browser_that_empties_streamlits_caches_takes_nothing_from_others():
    import streamlit as st

    engine = services._engine()
    st.cache_data.clear()
    st.cache_resource.clear()
    assert services._engine() is engine


def test_a_store_that_cannot_be_opened_is_a_sentence(fresh_data_dir):
    fresh_data_dir.mkdir()
    (fresh_data_dir / "format").write_text("99")
    with pytest.raises(StoreError, match="newer version of Thaw"):
        services._engine()
