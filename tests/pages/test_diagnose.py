"""Diagnose my curves: a verdict on numbers from elsewhere."""


def _button(page, label):
    return next(b for b in page.button if b.label == label)


def test_example_overfits_and_is_shown_where(open_page):
    page = open_page("diagnose")
    _button(page, "Try an example").click().run()
    assert any("Overfitting" in m.value for m in page.markdown)
    before = page.get("plotly_chart")[0].proto.spec
    _button(page, "Show me where").click().run()
    assert page.get("plotly_chart")[0].proto.spec != before
    _button(page, "Hide it").click().run()
    assert page.get("plotly_chart")[0].proto.spec == before


def test_losses_alone_are_enough(open_page):
    page = open_page("diagnose")
    page.text_area(key="history_text").set_value("loss,val_loss\n1,1\n0.7,0.8\n0.5,0.7\n0.4,0.65\n0.35,0.64\n").run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    assert any("Without accuracies" in m.value for m in page.markdown)


def test_pasted_nonsense_gets_a_sentence(open_page):
    page = open_page("diagnose")
    page.text_area(key="history_text").set_value("a,b\n1,2\n").run()
    assert not page.exception
    assert any("loss" in e.value for e in page.error)
