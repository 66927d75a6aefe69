"""A word is explained once, and linked where the page shows it first."""

import pytest

from pages.parts import glossary


@pytest.fixture(autouse=True)
def page(monkeypatch) -> dict:
    state: dict = {}
    monkeypatch.setattr(glossary.st, "session_state", state)
    glossary.begin_page()
    return state


def test_each_word_is_linked_once_on_a_page() -> None:
    first = glossary.linked("The loss of the head, and the loss again.")
    assert first.count("](learn?word=loss") == 1
    assert "](learn?word=head" in first
    assert "](learn" not in glossary.linked("Loss and head elsewhere.")
    glossary.begin_page()
    assert "](learn?word=loss" in glossary.linked("Loss and head elsewhere.")


def test_a_text_that_is_drawn_again_keeps_its_links() -> None:
    assert glossary.linked("The loss falls.") == glossary.linked("The loss falls.")


def test_other_forms_lead_to_the_word_and_parts_of_words_to_nothing() -> None:
    assert "[Frozen](learn?word=freezing" in glossary.linked("Frozen layers")
    assert glossary.linked("an overloss, lossless") == "an overloss, lossless"


def test_what_is_a_link_or_code_already_stays() -> None:
    assert glossary.linked("`loss` and [loss](x)") == "`loss` and [loss](x)"


def test_every_form_leads_to_a_word() -> None:
    assert set(glossary.FORMS.values()) <= set(glossary.WORDS)
