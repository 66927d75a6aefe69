"""Diagnose my curves: a verdict on numbers from elsewhere."""

import pytest

from core.histories.examples import EXAMPLES

FIRST = next(iter(EXAMPLES))


def _button(page, label):
    return next(b for b in page.button if b.label == label)


def _said(page) -> str:
    return "\n".join(m.value for m in [*page.markdown, *page.caption])


def test_example_overfits_and_is_shown_where(open_page):
    page = open_page("diagnose")
    page.selectbox(key="history_example").set_value(FIRST).run()
    assert not page.exception
    assert "Overfitting" in _said(page)
    assert "val_loss ← val" in _said(page)
    before = page.get("plotly_chart")[0].proto.spec
    _button(page, "Show me where").click().run()
    assert page.get("plotly_chart")[0].proto.spec != before
    _button(page, "Hide it").click().run()
    assert page.get("plotly_chart")[0].proto.spec == before


def test_losses_alone_are_enough_and_columns_can_be_corrected(open_page):
    page = open_page(
        "diagnose", history_text="loss,val_loss,other_loss\n1,1,3\n0.7,0.8,3\n0.5,0.7,4\n0.4,0.65,4\n0.35,0.64,5\n"
    )
    assert len(page.get("plotly_chart")) == 1
    assert "Without accuracies" in _said(page)
    box = next(s for s in page.selectbox if s.label == "val_loss")
    box.set_value("other_loss").run()
    assert not page.exception
    assert "val_loss ← other" in _said(page)


@pytest.mark.parametrize(("text", "words"), [("a,b\n1,2\n", "No loss was found"), ("hello", "No loss was found")])
def test_pasted_nonsense_gets_a_sentence(open_page, text, words):
    page = open_page("diagnose", history_text=text)
    assert words in page.error[0].value


def test_two_files_are_compared(open_page):
    page = open_page("diagnose")
    two = [
        (f"{name}.csv", f"loss,val_loss,val_acc\n1,1,{a}\n1,1,{a}\n1,1,{a}\n".encode(), "text/csv")
        for name, a in (("a", 0.7), ("b", 0.9))
    ]
    page.file_uploader(key="history_file").set_value(two).run()
    assert not page.exception
    assert "20 points higher in validation accuracy" in _said(page)
    assert len(page.get("plotly_chart")) == 4


def test_of_more_than_two_histories_a_person_chooses(open_page):
    folds = "fold,epoch,loss,val_loss\n" + "".join(
        f"{k},{i},{1 / i},{k + 1 / i}\n" for k in (1, 2, 3) for i in (1, 2, 3)
    )
    page = open_page("diagnose", history_text=folds)
    assert not page.exception
    chosen = next(m for m in page.multiselect if "3 histories were found" in m.label)
    assert "fold 2” ends" in _said(page) or "fold 1” ends" in _said(page)
    chosen.set_value([2]).run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    assert "fold 3" in _said(page)


def test_the_number_of_classes_is_asked_for_where_it_matters(open_page):
    halves = [0.5**i for i in range(10)]
    rows = "".join(f"{0.5 + h / 10},{0.52 + h / 10},{0.78 - h / 4},{0.78 - h / 4}\n" for h in halves)
    page = open_page("diagnose", history_text="loss,val_loss,accuracy,val_accuracy\n" + rows)
    assert any("number of classes" in i.value for i in page.info)
    page.number_input(key="known_n_classes").set_value(10).run()
    assert not any("number of classes" in i.value for i in page.info)
