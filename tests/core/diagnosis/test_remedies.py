"""Which remedies are offered."""

from core.diagnosis.remedies import worth_trying
from core.diagnosis.report import Finding
from core.experiment import Experiment


def finding(*remedies: str) -> Finding:
    return Finding("x", "x", "overfitting", 0.5, "", remedies=remedies)


def test_every_finding_gets_its_own_remedy_before_any_gets_a_second():
    """ "Trained too long" once lost EarlyStopping to four remedies of the finding before it."""
    many = finding("augment-light", "thaw-more", "weight-decay", "label-smoothing", "smaller-head")
    offered = [r.code for r in worth_trying([many, finding("early-stopping", "fewer-epochs")], Experiment())]
    assert offered == ["augment-light", "early-stopping", "thaw-more", "fewer-epochs"]


def test_what_would_change_nothing_is_not_offered():
    assert worth_trying([finding("pretrained-weights", "pool-average")], Experiment()) == []
