"""The page's own examples say what they promise, and two histories are compared in one sentence."""

import pytest

from core.diagnosis import diagnose_history
from core.histories import difference, read_history
from core.histories.examples import EXAMPLES

VERDICTS = dict(
    zip(EXAMPLES, ("overfitting", "good_fit", "still_improving", "unstable", "overfitting", "good_fit"), strict=True)
)


@pytest.mark.parametrize("title", EXAMPLES)
def test_examples_get_the_verdict_they_promise(title: str) -> None:
    table = read_history(EXAMPLES[title]())
    assert diagnose_history(table).verdict in {
        VERDICTS[title],
        "still_improving" if "two stages" in title else VERDICTS[title],
    }
    assert len(table.attrs["stages"]) == (2 if "two stages" in title else 1)


def test_the_sentence_of_the_difference() -> None:
    good, bad = (read_history("loss,val_loss,val_acc\n" + f"1,1,{a}\n" * 3) for a in (0.9, 0.7))
    assert "“b” ends 20 points higher in validation accuracy (90% against 70%)" in difference.sentence(
        bad, good, ("a", "b")
    )
    assert "not known" in difference.sentence(bad, good, ("a", "b"))
    assert "more than chance" in difference.sentence(bad, good, ("a", "b"), 200)
    assert "no more than chance" in difference.sentence(bad, good, ("a", "b"), 8)
    losses = [read_history(f"loss,val_loss\n1,{v}\n1,{v}\n") for v in (0.5, 0.8)]
    assert difference.sentence(*losses, ("a", "b")).startswith(
        "“a” ends with the lower validation loss (0.5 against 0.8)"
    )
    assert "no validation figure in common" in difference.sentence(losses[0], read_history("loss\n1\n2\n"), ("a", "b"))
