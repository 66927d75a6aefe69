"""Has idle workers compute the frozen features that settings on a page need, before anybody presses Train."""

import itertools
import os
import time
from collections import OrderedDict
from typing import Any

from core.engine.execute import compute_ahead
from core.engine.link import Link
from core.experiment import Experiment
from core.training import known

VARIABLE = "THAW_AHEAD"  # "0" turns it off, where processor time is paid for
PAUSE = 3.0  # seconds before what was interrupted is asked for again
MOST = 50  # settings that are remembered


class Ahead:
    """Asks the embedded workers; an existing cluster, which others use too, is left alone."""

    def __init__(self, link: Link):
        self.link = link
        self._asked: OrderedDict[str, tuple[Any, float]] = OrderedDict()
        self._number = itertools.count()

    def want(self, experiment: Experiment) -> None:
        """Have the features of an Experiment computed where they are not known; never waits, and says nothing of what fails."""
        name = known.name(experiment)
        is_possible = self.link.ours and self.link.connected and os.environ.get(VARIABLE) != "0"
        if not is_possible or not self._is_due(name, experiment):
            return
        future = self.link.client.submit(
            compute_ahead,
            experiment.to_json(),
            key=f"features-{name}-{next(self._number)}",
            pure=False,
            retries=0,
            priority=-10,
        )
        self._asked[name] = future, time.monotonic()
        while len(self._asked) > MOST:
            self._asked.popitem(last=False)

    def _is_due(self, name: str, experiment: Experiment) -> bool:
        if name not in self._asked:
            return True
        future, when = self._asked[name]
        return future.done() and time.monotonic() - when > PAUSE and not known.are_ready(experiment)
