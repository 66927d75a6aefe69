"""Which run, or which pair, is looked at."""

from dataclasses import dataclass

import streamlit as st

from core.evaluation import Evaluation
from core.runs import Run
from core.words import distinct
from pages.parts import services, state


@dataclass(frozen=True)
class Chosen:
    """A finished run, and the one to see it beside."""

    before: Run | None
    after: Run

    @property
    def runs(self) -> list[Run]:
        """One run or two, before first."""
        return [self.before, self.after] if self.before else [self.after]

    @property
    def ids(self) -> list[str]:
        """The runs' ids, before first."""
        return [run.id for run in self.runs]

    @property
    def labels(self) -> list[str]:
        """What stands above each side."""
        roles = ("Before: ", "After: ") if self.before else ("",)
        return [role + run.title for role, run in zip(roles, self.runs, strict=True)]

    @property
    def sizes(self) -> list[int]:
        """The image size of each run's network."""
        return [run.experiment.backbone.size for run in self.runs]

    @property
    def evaluations(self) -> list[Evaluation]:
        """What each run answered at its end."""
        return [services.results(run)[0] for run in self.runs]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the run that is looked at."""
        return self.evaluations[-1].class_names

    @property
    def same_pictures(self) -> bool:
        """Whether both runs were made of the same pictures, split alike, at one image size."""
        a, b = self.runs[0].experiment, self.runs[-1].experiment
        return (a.data, a.backbone.size) == (b.data, b.backbone.size)

    @property
    def same_classes(self) -> bool:
        """Whether both runs answer with the same classes."""
        return len({e.class_names for e in self.evaluations if e is not None}) == 1

    @property
    def same_shape(self) -> bool:
        """Whether both networks have the same width and image size."""
        return len({(r.experiment.backbone.alpha, r.experiment.backbone.size) for r in self.runs}) == 1


def usable(run: Run) -> bool:
    """Tell whether a run has ended with predictions and a model; trials keep no model."""
    return run.status in ("finished", "stopped") and bool(run.metrics) and not run.group.startswith("trial")


def chosen(runs: list[Run]) -> Chosen:
    """Let people choose a run and the one before it, first those that the Lab shows or the link names."""
    by_id = {run.id: run for run in runs}
    _start_with(by_id)
    names = dict(zip(by_id, distinct(f"{run.title} · {run.created:%d %b %H:%M:%S}" for run in runs), strict=True))
    names[""] = "no other run"
    left, right = st.columns(2)
    before = left.selectbox("Before", ["", *by_id], format_func=names.__getitem__, key="see_before", help="The run to see the other beside; “no other run” shows one alone")  # fmt: skip
    after = right.selectbox(
        "After", list(by_id), format_func=names.__getitem__, key="see_after", help="The run to look into"
    )
    st.query_params["run"], st.query_params["before"] = after, before
    return Chosen(by_id[before] if before and before != after else None, by_id[after])


def _start_with(by_id: dict[str, Run]) -> None:
    asked = {k: st.query_params.get(k) for k in ("run", "before")}
    linked = (asked["run"], asked["before"])
    if linked[0] in by_id and linked != st.session_state.get("see_linked"):
        st.session_state.see_after, st.session_state.see_before = linked[0], linked[1] if linked[1] in by_id else ""
    if st.session_state.get("see_after") not in by_id:
        current = state.current()
        shown = by_id.get(current.id) if current else None
        after = shown or next(iter(by_id.values()))
        st.session_state.see_after = after.id
        baseline = st.session_state.get("baseline_id") if shown else after.baseline_id
        st.session_state.see_before = baseline if baseline in by_id and baseline != after.id else ""
    if st.session_state.get("see_before") not in by_id:
        st.session_state.see_before = ""
    st.session_state.see_linked = (st.session_state.see_after, st.session_state.see_before)
