"""Find what helps: remedies tried on the person's own images, and a repair that repeats it."""

import math

import pandas as pd
import streamlit as st

from core import figures
from core.errors import ThawError
from core.runs import Run
from core.studies import repair, trials
from core.training.costs import duration
from core.words import counted, plain, points, signed
from pages.parts import services, state
from pages.parts.run import verdict

BUDGETS = (60.0, trials.BUDGET_SECONDS, 600.0)  # seconds
HELPS = "#15A05A"  # legible on white and on the dark background


def draw(run: Run) -> None:
    """Draw the controls and, while trials are made or were made, their results; ``run`` has ended."""
    table = trials.results(services.store(), run.id)
    working = _working(run, table)

    @st.fragment(run_every=1.0 if working else None)
    def live() -> None:
        now = trials.results(services.store(), run.id)
        if working:
            _advance(run)
        if working != _working(run, now):
            st.rerun()
        with st.container(border=True, key="trials"):
            _controls(run, now, working)
            _repair(run)
            if len(now):
                _table(now, run)

    live()


def _working(run: Run, table: pd.DataFrame) -> bool:
    fixing = repair.look(services.store(), run.id).status in {"trying", "training"}
    return fixing or bool(len(table) and table.active.any())


def _advance(run: Run) -> None:
    try:
        repair.advance(services.engine(), run.id)
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")


def _controls(run: Run, table: pd.DataFrame, working: bool) -> None:
    st.markdown("**What helps, measured on your images**")
    row = st.container(horizontal=True, vertical_alignment="center")
    if working:
        row.button(
            "Stop trying", icon=":material/stop:", on_click=_stop, args=(run.id,), help="What is finished counts"
        )
        done, total = (int(table.done.sum()), int(table.runs.sum())) if len(table) else (0, 1)
        row.progress(done / max(total, 1), text=f"{done} of {total} trials are done")
        return
    budget = st.session_state.get("trial_budget", trials.BUDGET_SECONDS)
    plan = trials.plan(services.store(), run.id, budget=budget)
    label, told = _offer(table)
    row.button(
        label,
        icon=":material/experiment:",
        on_click=_start,
        args=(run.id, budget),
        key="find_what_helps",
        help=told,
        disabled=not plan.remedies,
    )
    row.button(
        "Fix it for me",
        icon=":material/auto_fix_high:",
        on_click=_fix,
        args=(run.id, budget),
        key="fix_it",
        help="Tries remedies, takes the best, and repeats until the model fits well or nothing surely helps, at most four times",
        disabled=not plan.remedies,
    )
    row.selectbox(
        "Budget",
        BUDGETS,
        index=BUDGETS.index(trials.BUDGET_SECONDS),
        key="trial_budget",
        format_func=lambda seconds: f"up to {duration(seconds)}",
        label_visibility="collapsed",
        width=150,
    )
    if not plan.remedies:
        st.caption("There is nothing to try: no remedy would change anything about this experiment.")
    elif table.empty:
        st.caption(
            "Advice that sounds right often does not help. Here "
            f"{_counted(len(plan.remedies))} trained beside this experiment, {_judged_by(run)}, before any is recommended "
            f"(at most {duration(max(plan.seconds, 5))} on this machine{_beyond(plan.seconds, budget)})."
        )


def _counted(n: int) -> str:
    return "one remedy is" if n == 1 else f"{n} remedies are"


def _judged_by(run: Run) -> str:
    design = trials.design_of(services.store(), run.id)
    if design.on_folds:
        return "so that every training and validation image is judged by a model that did not see it"
    return f"on {design.runs} seeds each, judged by the validation images"


def _beyond(seconds: float, budget: float) -> str:
    return f": the budget of {duration(budget)} lasts for none, so one is tried" if seconds > 1.2 * budget else ""


def _offer(table: pd.DataFrame) -> tuple[str, str]:
    """Return what can be tried next and what that does."""
    if table.empty:
        return (
            "Find what helps",
            "Trains each remedy three times beside this experiment, on the training and validation images, in the background; "
            "as many remedies as the budget lasts for. What can hardly become sure any more is given up early",
        )
    if (table.done < table.runs).any():
        return "Finish the trials", "Trains what was stopped or failed; what is finished is kept"
    return (
        "Try once more",
        "Trains the experiment and each remedy that is still open on further seeds. Differences between seeds then count for less, "
        "but the intervals allow for having looked twice",
    )


def _start(run_id: str, budget: float) -> None:
    _guarded(lambda: trials.start(services.engine(), run_id, budget=budget))


def _fix(run_id: str, budget: float) -> None:
    _guarded(lambda: repair.start(services.engine(), run_id, budget))


def _stop(run_id: str) -> None:
    trials.stop(services.engine(), run_id)
    if repair.look(services.store(), run_id).status in {"trying", "training"}:
        repair.stop(services.engine(), run_id)


def _guarded(action) -> None:
    try:
        action()
    except ThawError as error:
        st.toast(plain(error), icon=":material/error:")


def _table(table: pd.DataFrame, run: Run) -> None:
    limits = [float(table[[low, high]].abs().max().max()) for low, high in (("low", "high"), ("loss_low", "loss_high"))]
    for row in table.itertuples():
        left, picture, told, right = st.columns([9, 4, 8, 4], vertical_alignment="top")
        left.markdown(f"{_mark(row)} **{plain(row.title)}**  \n:gray[{row.expectation}]")
        if row.done:
            picture.image(_picture(row, *limits), width=120, alt=f"Change by {row.title}, as said beside")
        told.markdown(_effect(row))
        if right.button(
            "Apply",
            key=f"apply_{row.code}",
            on_click=verdict.apply_remedy,
            args=(row.code, run.id),
            type="primary" if row.recommended else "secondary",
            help="Makes it the current experiment; this run stays as “before”. Press Train then",
        ):
            st.rerun()  # the editor beside this fragment shows the change
    _nothing_found(table, run)
    seen = _can_be_told(table)
    limit = (
        f" On these images, differences below about {points(100 * seen)} cannot be told from chance."
        if seen > 0.02
        else ""
    )
    st.caption(
        f"Change {_on_which(run)}, with 90% intervals for the whole table together; in the pictures, right is better. "
        "Recommended is what surely helps: in accuracy, or in loss (0.01 or more) while the accuracy surely does not fall by more than half a point. "
        "Lower loss only: surely surer of the right answer, while these images cannot tell whether it is right more often. "
        "The test images were not looked at." + limit
    )


def _on_which(run: Run) -> str:
    if trials.design_of(services.store(), run.id).on_folds:
        return "on the training and validation images, each judged by a model that did not see it"
    return "on the validation images, mean of the seeds"


def _more_images(run: Run) -> str:
    """Return how there may be more images that judge: those of training are among them already where folds are trained."""
    on_folds = trials.design_of(services.store(), run.id).on_folds
    return "Collect more images" if on_folds else "Collect more images, move some from training to validation"


def _nothing_found(table: pd.DataFrame, run: Run) -> None:
    """Say what it means that no remedy surely helps, and what to do then."""
    measured = table[(table.done > 0) & ~table.active]
    if table.active.any() or measured.empty or measured.recommended.any():
        return
    st.info(
        f"**Nothing that was tried surely helps**, judged by up to {measured.images.max():.0f} images: what they can show are differences of about "
        f"{max(100 * _can_be_told(measured), 1):.0f} points or more. {_more_images(run)}, or try once more; until then this run is as good as any of these.",
        icon=":material/info:",
    )


def _can_be_told(table: pd.DataFrame) -> float:
    """Return how large a difference must be to be told from chance, by those remedies that were followed to the end where there are any."""
    followed = table if table.given_up.all() else table[~table.given_up]
    return float(((followed.high - followed.low) / 2).median())


def _mark(row) -> str:
    if row.active and not row.done:
        return ":gray[:material/hourglass_empty:]"
    if row.recommended:
        return ":green[:material/check_circle:]"
    return ":gray[:material/remove_circle_outline:]"


def _picture(row, accuracy_limit: float, loss_limit: float) -> str:
    accuracy = (row.gain, row.low, row.high, accuracy_limit)
    loss = (row.loss_gain, row.loss_low, row.loss_high, loss_limit)
    return figures.intervals_picture([accuracy, loss], HELPS if row.recommended else "#8A8F98")


def _effect(row) -> str:
    if not row.done or math.isnan(row.gain):
        return ":gray[being tried …]" if row.active else ":gray[not measured]"
    accuracy = f"accuracy **{signed(100 * row.gain, 1)} points** ({signed(100 * row.low)}\u00a0…\u00a0{signed(100 * row.high)})"
    loss = f"loss **{signed(-row.loss_gain, 3)}** ({signed(-row.loss_high, 2)}\u00a0…\u00a0{signed(-row.loss_low, 2)})"
    badge = "" if row.active else _badge(row)
    return f":small[{accuracy}  \n{loss}]  \n:small[{badge}:gray[{counted(int(row.models), 'model')} · {counted(int(row.images), 'image')} · {row.seconds:.1f} s]]"


def _badge(row) -> str:
    if row.recommended:
        return ":green-badge[recommended] "
    if row.only_surer:
        return ":blue-badge[lower loss only] "
    return ":gray-badge[given up] " if row.given_up else ":gray-badge[no sure gain] "


def _repair(run: Run) -> None:
    now = repair.look(services.store(), run.id)
    if now.status == "idle":
        return
    st.markdown("**Fix it: the steps so far**")
    if len(now.steps) > 1:
        accuracies = [r.metrics.get("final_validation_accuracy", math.nan) for r in now.steps]
        names = ["as it was", *(r.name for r in now.steps[1:])]
        st.plotly_chart(figures.steps(names, accuracies), key=f"repair_{run.id}", config={"displayModeBar": False})
    if now.status == "trying":
        st.caption("Remedies are being tried on the last step …")
    elif now.status == "training":
        st.caption(f"Training with: {plain(now.steps[-1].name)} …")
    else:
        _ended(now)


def _ended(now: repair.Repair) -> None:
    last = now.steps[-1]
    test = [r.metrics.get("final_test_accuracy") for r in (now.steps[0], last)]
    told = (
        f" On the untouched test images: {test[0]:.1%} before, {test[1]:.1%} now."
        if None not in test and len(now.steps) > 1
        else ""
    )
    st.markdown(f"{now.reason}{told}")
    if len(now.steps) > 1 and st.button(
        "Open the result",
        on_click=_open,
        args=(now.steps[0].id, last.id),
        key="open_repaired",
        icon=":material/science:",
        help="Shows the last step beside the first",
    ):
        st.rerun()  # the whole page is about another run now


def _open(first: str, last: str) -> None:
    state.open_run(last)
    st.query_params["run"] = last
    state.set_baseline(first)
