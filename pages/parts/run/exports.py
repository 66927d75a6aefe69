"""What can be taken away from a run: settings, curves, code, report, model."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from core import export
from core.data import Dataset
from core.errors import ThawError
from core.experiment import Experiment
from core.export import seen
from core.export.lineage import lineage
from core.runs import Run
from pages.parts import services
from pages.parts.run import repeat
from pages.parts.see import choice


def draw(run: Run) -> None:
    """Draw one download button a file."""
    history = services.curves(run)
    stem = "".join(c if c.isalnum() else "-" for c in run.title).strip("-").lower() or "run"
    st.markdown("**Take it with you**")
    row = st.container(horizontal=True, gap="small")
    row.download_button(
        "experiment.json",
        run.experiment.to_json(indent=1),
        f"{stem}.experiment.json",
        icon=":material/settings:",
        key=f"experiment_{run.id}",
        on_click="ignore",  # a rerun would withdraw a download that has just begun
        help="All settings; python -m core run --experiment takes it",
    )
    row.download_button(
        "curves.csv",
        history.to_csv(index=False),
        f"{stem}.csv",
        icon=":material/show_chart:",
        disabled=history.empty,
        key=f"curves_{run.id}",
        on_click="ignore",
        help="One row an epoch",
    )
    row.download_button(
        "report.html",
        lambda: _report(run),
        f"{stem}.html",
        icon=":material/description:",
        disabled=run.active,
        key=f"report_{run.id}",
        on_click="ignore",
        help="Verdict, curves, figures, what it looks at and settings on one page that opens in any browser, without network; takes some seconds",
    )
    _code(run, row, stem)
    with row:
        _model(run, stem)


def _model(run: Run, stem: str) -> None:
    """Draw the button for the model, which is written after the curves and the verdict."""

    def path() -> Path | None:
        return services.store().model_path(run.id)

    written = not run.active and path() is not None
    just_ended = run.ended is not None and (datetime.now(UTC) - run.ended).total_seconds() < 60
    waiting = not written and just_ended and run.status in ("finished", "stopped")

    @st.fragment(run_every=1.0 if waiting else None)
    def live() -> None:
        model = path() if not run.active else None
        if model is not None and waiting:
            st.rerun()
        st.download_button(
            "model.keras",
            model.read_bytes if model else b"",
            f"{stem}.keras",
            icon=":material/deployed_code:",
            disabled=model is None,
            key=f"model_{run.id}",
            on_click="ignore",
            help="The trained model with its preprocessing: give it pictures with values 0 to 255",
        )

    live()


def _report(run: Run) -> str:
    other = services.run_or_none(run.baseline_id)
    runs = [*([other] if other is not None and not other.active else []), run]
    study = repeat.look(runs)
    spreads = repeat.spreads(study)
    *before, side = [_side(r, spreads[i] if spreads else None) for i, r in enumerate(runs)]
    pair = choice.Chosen(other, run) if other and choice.usable(other) else choice.Chosen(None, run)
    same = pair.before if pair.same_pictures and pair.same_shape else None
    looked = seen.seen(services.engine(), services.store(), same, run) if choice.usable(run) else ""
    return export.report(
        side, before[0] if before else None, looked + lineage(services.store(), run), repeat.evaluations(study)
    )


def _side(run: Run, spread: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame] | None) -> export.Side:
    evaluation, diagnosis, _ = services.results(run)
    return export.Side(run, services.curves(run), evaluation, diagnosis, services.earlier_curves(run), spread)


def _code(run: Run, row, stem: str) -> None:
    """Draw the download of the code, and the code itself to read and copy."""
    title, dataset, why = run.title, None, ""
    try:
        dataset = services.dataset(run.experiment.data, run.experiment.backbone.size)
    except ThawError as error:
        why = f"The code needs the images' split. {error}"
    row.download_button(
        "Keras code",
        (lambda: _bundle(run.experiment, dataset, title)) if dataset else b"",
        f"{stem}-keras.zip",
        icon=":material/code:",
        disabled=dataset is None,
        key=f"code_{run.id}",
        on_click="ignore",
        help=why or "A plain Keras script and notebook that make this run again without Thaw, and what they need",
    )
    if dataset is not None:
        with st.expander("This run in plain Keras", icon=":material/code:"):
            st.code(_script(run.experiment.to_json(), title, dataset), language="python", height=420)


@st.cache_data(show_spinner=False, max_entries=50)
def _script(experiment_json: str, title: str, _dataset: Dataset) -> str:
    return export.script(Experiment.from_json(experiment_json), _dataset, name=title)


def _bundle(experiment: Experiment, dataset: Dataset, title: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.zip"
        export.bundle(experiment, dataset, path, name=title)
        return path.read_bytes()
