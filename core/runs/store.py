"""The run store: every run's description, progress, curves and results, in MLflow."""

import json
import math
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd

from core import durable, paths
from core.diagnosis.report import Diagnosis
from core.errors import ExperimentError, RunError, StoreError
from core.evaluation import Evaluation
from core.experiment import Experiment
from core.runs import keep
from core.runs.border import Border, translated
from core.runs.run import ACTIVE, PASSING, Run, RunProgress

# MLflow's own patience, seven tries of two minutes, would freeze whoever asks. Set while this is imported: once threads run, a change
# of the environment may end the process.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT_NAME = "thaw"
T = TypeVar("T")
MLFLOW_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class RunStore:
    """Keeps runs in MLflow: SQLite below the data directory, or the server ``$MLFLOW_TRACKING_URI`` names.

    Parameters
    ----------
    uri
        MLflow tracking address; from the environment by default.
    remember
        Whether what was read before is given while a server is away; :attr:`problem` then says how old it is.

    Raises
    ------
    StoreError
        When it does not answer or cannot be read.
    """

    def __init__(self, uri: str | None = None, *, remember: bool = False):
        from mlflow import MlflowClient

        keep.require_readable(paths.data_dir())
        self.uri = uri or os.environ.get(URI_VARIABLE) or f"sqlite:///{paths.subdir('runs') / 'mlflow.db'}"
        self.path = Path(self.uri.removeprefix("sqlite:///")) if self.uri.startswith("sqlite:///") else None
        with keep.opened(self.path) if self.path else nullcontext():
            if self.path:
                keep.check(self.path)
            self.client = Border(translated(lambda: MlflowClient(tracking_uri=self.uri)), self.uri, remember=remember)
            if self.path:
                self.client.search_experiments(max_results=1)  # makes the tables
                _use_wal(self.path)

    @property
    def problem(self) -> str:
        """What is wrong with the store and since when, in a sentence; empty where it answers."""
        return self.client.problem

    @property
    def notice(self) -> str:
        """What happened to the store that people must know, in a sentence; empty where nothing did."""
        return keep.notice(self.path) if self.path else ""

    def dismiss_notice(self) -> None:
        """Take the notice as read."""
        if self.path:
            keep.dismiss(self.path)

    @cached_property
    def experiment_id(self) -> str:
        """MLflow's experiment that holds all runs, made by whoever needs it first."""
        home = paths.subdir("runs")
        found = self.client.get_experiment_by_name(EXPERIMENT_NAME)
        if found:
            return found.experiment_id
        location = (home / "artifacts").as_uri() if self.uri.startswith("sqlite") else None
        try:
            return self.client.create_experiment(EXPERIMENT_NAME, artifact_location=location)
        except StoreError:
            raise
        except Exception:  # another process was faster: mlflow raises its own kinds for each backend
            found = self.client.get_experiment_by_name(EXPERIMENT_NAME)
            if found is None:
                raise
            return found.experiment_id

    # Writing ---------------------------------------------------------------------------------------------------------

    def create(
        self,
        experiment: Experiment,
        *,
        name: str = "",
        group: str = "lab",
        baseline_id: str | None = None,
        owner: str = "",
        status: str = "queued",
    ) -> str:
        """Add a run and return its id; ``owner`` is the browser session that takes turns with others, a queued run is taken by a worker."""
        tags = {
            "thaw_status": status,
            "thaw_group": group,
            "thaw_experiment": experiment.to_json(),
            "thaw_baseline": baseline_id or "",
            "thaw_owner": owner,
        }
        run_id = self.client.create_run(self.experiment_id, run_name=name or None, tags=tags).info.run_id
        from mlflow.entities import Param

        parameters = [Param(k, str(v)[:500]) for k, v in _parameters(experiment).items()]
        self.client.log_batch(run_id, params=parameters)
        return run_id

    def begin(self, run_id: str) -> bool:
        """Mark a run as running and return True; return False where it does not wait: nothing is ever trained twice."""
        run = self.get(run_id)
        if run.status != "queued":
            return False
        if self.stop_requested(run_id):
            self.finish(run_id, "stopped", message="Stopped before it began.")
            return False
        self.set_tags(run_id, status="running")
        return True

    def set_tags(self, run_id: str, **values: Any) -> None:
        """Set several ``thaw_`` tags at once."""
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(f"thaw_{k}", str(v)[:7900]) for k, v in values.items()])

    def log_epochs(self, run_id: str, rows: list[dict[str, float]]) -> None:
        """Add the metrics of one or more epochs."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(k, float(v), now, int(row["epoch"])) for row in rows for k, v in row.items() if k != "epoch"]
        self.client.log_batch(run_id, metrics=metrics)

    def finish(self, run_id: str, status: str, *, error: str = "", message: str = "") -> None:
        """Mark a run as ``finished``, ``stopped`` or ``failed``."""
        self.set_tags(run_id, status=status, error=error, message=message)
        self.client.set_terminated(run_id, MLFLOW_STATUS[status])

    def save_results(
        self, run_id: str, evaluation: Evaluation, diagnosis: Diagnosis, probes: dict, frontier: dict
    ) -> None:
        """Keep predictions, verdict and what was measured beside the curves."""
        with self._keeping(run_id) as here:
            (here / "verdict.json").write_text(json.dumps(diagnosis.to_dict(), indent=1))
            (here / "probes.json").write_text(json.dumps({"probes": probes, "frontier": frontier}, indent=1))
        self.save_evaluation(run_id, evaluation)
        self.set_tags(run_id, verdict=diagnosis.verdict)

    def save_evaluation(self, run_id: str, evaluation: Evaluation) -> None:
        """Keep predictions alone, of a model that was not trained but made."""
        with self._keeping(run_id) as here:
            evaluation.save(here / "predictions.npz")
            (here / "experiment.json").write_text(self.get(run_id).experiment.to_json(indent=1))
        finals = {f"final_{k}_accuracy": p.accuracy for k, p in evaluation.splits.items() if len(p.labels)}
        self.log_epochs(run_id, [{"epoch": 0, **finals}])

    def replace_verdict(self, run_id: str, diagnosis: Diagnosis) -> None:
        """Put another verdict in the place of the one that a run had, because more images have judged it."""
        with self._keeping(run_id) as here:
            (here / "verdict.json").write_text(json.dumps(diagnosis.to_dict(), indent=1))
        self.set_tags(run_id, verdict=diagnosis.verdict)

    def save_model(self, run_id: str, model: Any) -> None:
        """Keep a Keras model as ``model.keras``."""
        with self._keeping(run_id) as here:
            model.save(here / "model.keras")

    @contextmanager
    def _keeping(self, run_id: str) -> Iterator[Path]:
        """Give a folder whose files are then kept with a run, each with its seal."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
            for file in list(Path(folder).iterdir()):
                durable.seal(file)
            self.client.log_artifacts(run_id, folder)

    def request_stop(self, run_id: str) -> None:
        """Ask the trainer to stop after the batch it is at."""
        self.set_tags(run_id, stop=time.time())

    def stop_requested(self, run_id: str) -> bool:
        """Tell whether a stop was asked for, or the run was given up."""
        tags = self._raw(run_id).data.tags
        return "thaw_stop" in tags or tags.get("thaw_status") not in ACTIVE

    def tag(self, run_id: str, name: str) -> str:
        """Return a ``thaw_`` tag, empty where it was never set."""
        return self._raw(run_id).data.tags.get(f"thaw_{name}", "")

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self.client.update_run(run_id, name=name)

    def set_note(self, run_id: str, note: str) -> None:
        """Keep a note with a run; MLflow shows it as the description."""
        self.client.set_tag(run_id, "mlflow.note.content", note)

    def delete(self, run_id: str) -> None:
        """Delete a run and its files; one that is training is stopped first."""
        raw = self._raw(run_id)
        if raw.data.tags.get("thaw_status") in ACTIVE:
            self.request_stop(run_id)
        location = raw.info.artifact_uri
        self.client.delete_run(run_id)
        if location.startswith("file:"):
            shutil.rmtree(local_path(location).parent, ignore_errors=True)

    # Reading ---------------------------------------------------------------------------------------------------------

    def _raw(self, run_id: str):
        from mlflow.exceptions import MlflowException

        try:
            run = self.client.get_run(run_id)
        except MlflowException as error:
            raise RunError(
                f"There is no run {run_id!r} here. It may have been deleted; look on the Runs page."
            ) from error
        if run.info.lifecycle_stage == "deleted":
            raise RunError("This run was deleted. Look on the Runs page for others.")
        return run

    def get(self, run_id: str) -> Run:
        """Return one run.

        Raises
        ------
        RunError
            When it does not exist or was deleted.
        """
        raw = self._raw(run_id)
        if not _is_readable(raw):
            raise RunError(
                f"The run {raw.info.run_name!r} cannot be read: a newer version of Thaw made it, or it was changed by hand. "
                "Update Thaw; on the Runs page it can be deleted."
            )
        return _to_run(raw)

    def active(self) -> list[Run]:
        """Return the runs that wait or are being trained; quicker than looking through all of them."""
        return [run for run in self._search("attributes.status = 'RUNNING'", 500) if run.active]

    def _search(self, condition: str, limit: int) -> list[Run]:
        found = self.client.search_runs(
            [self.experiment_id], condition, max_results=limit, order_by=["attributes.start_time DESC"]
        )
        return [_to_run(r) for r in found if _is_readable(r)]

    def list(self, group: str | None = None, limit: int = 200) -> list[Run]:
        """Return runs, newest first: those of one group, or all but the passing ones."""
        kept = " AND ".join(f"tags.thaw_group != '{passing}'" for passing in PASSING)
        return self._search(f"tags.thaw_group = '{group}'" if group else kept, limit)

    def unreadable(self, limit: int = 500) -> dict[str, str]:
        """Return the id and name of each run that this version cannot read, for example because a newer one made it."""
        found = self.client.search_runs([self.experiment_id], "", max_results=limit)
        return {r.info.run_id: r.info.run_name or r.info.run_id for r in found if not _is_readable(r)}

    def curves(self, run_id: str) -> pd.DataFrame:
        """Return one row an epoch with the columns of :meth:`core.training.Events.epoch`."""
        keys = [k for k in self._raw(run_id).data.metrics if not k.startswith("final_")]
        columns = {k: {m.step: _restored(m.value) for m in self.client.get_metric_history(run_id, k)} for k in keys}
        table = pd.DataFrame(columns).sort_index()
        table.insert(0, "epoch", table.index)
        return table.reset_index(drop=True)

    def damaged(self, limit: int = 500) -> dict[str, tuple[str, ...]]:
        """Return the id of each run of which files were cut short or changed, and the names of these files; local stores only."""
        found = self.client.search_runs([self.experiment_id], "", max_results=limit)
        spoilt = {r.info.run_id: _spoilt(r.info.artifact_uri) for r in found if r.info.artifact_uri.startswith("file:")}
        return {run_id: names for run_id, names in spoilt.items() if names}

    def _artifact(self, run_id: str, name: str) -> Path | None:
        """Return a file of a run; None where there is none, or none that is as it was written."""
        location = self._raw(run_id).info.artifact_uri
        if location.startswith("file:"):
            path = local_path(location) / name
            return path if durable.is_whole(path) else None
        cached = paths.subdir("cache") / "artifacts" / run_id
        if not durable.is_whole(cached / name):
            cached.mkdir(parents=True, exist_ok=True)
            durable.remove(cached / name)
            self._fetch(run_id, name + durable.SEAL_SUFFIX, cached)
            self._fetch(run_id, name, cached)
        return cached / name if durable.is_whole(cached / name) else None

    def _fetch(self, run_id: str, name: str, folder: Path) -> None:
        try:
            self.client.download_artifacts(run_id, name, str(folder))
        except StoreError:
            raise
        except Exception:  # each artifact store raises its own kinds for a missing file
            return

    def _read(self, run_id: str, name: str, read: Callable[[Path], T]) -> T | None:
        """Return what a file of a run says; None where there is none, or none that can be read."""
        path = self._artifact(run_id, name)
        try:
            return read(path) if path else None
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile):
            return None  # from before files were sealed, or of another version

    def evaluation(self, run_id: str) -> Evaluation | None:
        """Return the predictions at the end; None before, and where they were damaged."""
        return self._read(run_id, "predictions.npz", Evaluation.load)

    def diagnosis(self, run_id: str) -> Diagnosis | None:
        """Return the verdict; None before the end, and where it was damaged."""
        return self._read(run_id, "verdict.json", lambda path: Diagnosis.from_dict(json.loads(path.read_text())))

    def measured(self, run_id: str) -> dict:
        """Return ``probes`` and ``frontier`` as the trainer measured them; empty before the end, and where they were damaged."""
        found = self._read(run_id, "probes.json", lambda path: json.loads(path.read_text()))
        return found if isinstance(found, dict) else {}

    def model_path(self, run_id: str) -> Path | None:
        """Return the file of the trained model; None where there is none, or it was damaged."""
        return self._artifact(run_id, "model.keras")


def _spoilt(location: str) -> tuple[str, ...]:
    """Return the names of a run's files that are not as they were written."""
    with suppress(OSError):
        files = sorted(p for p in local_path(location).iterdir() if p.suffix != durable.SEAL_SUFFIX)
        return tuple(p.name for p in files if not durable.is_whole(p))
    return ()


def local_path(location: str) -> Path:
    """Return the path of a ``file:`` address, with a drive where the system has drives."""
    return Path(url2pathname(urlsplit(location).path))


def _use_wal(path: Path) -> None:
    """Let readers and the trainer use the file at once; the setting stays in the file."""
    import sqlite3

    with sqlite3.connect(path, timeout=5) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _parameters(experiment: Experiment) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for part, values in experiment.model_dump(mode="json", exclude={"earlier"}).items():
        flat |= {f"{part}.{k}": v for k, v in values.items() if k != "thawed"}
    return {**flat, "freeze.n_thawed": len(experiment.freeze.thawed), "earlier_stages": len(experiment.earlier)}


def _restored(value: float) -> float:
    """Undo MLflow's clamping of infinity."""
    return math.copysign(math.inf, value) if abs(value) > 1e300 else value


def _time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _is_readable(raw: Any) -> bool:
    try:
        _to_run(raw)
    except (ExperimentError, ValueError, TypeError, KeyError):
        return False
    return True


def _to_run(raw: Any) -> Run:
    tags = raw.data.tags
    return Run(
        id=raw.info.run_id,
        name=raw.info.run_name or "",
        status=tags.get("thaw_status", "failed"),
        experiment=Experiment.from_json(tags["thaw_experiment"]),
        created=_time(raw.info.start_time) or datetime.now(UTC),
        ended=_time(raw.info.end_time),
        note=tags.get("mlflow.note.content", ""),
        group=tags.get("thaw_group", "lab"),
        baseline_id=tags.get("thaw_baseline") or None,
        owner=tags.get("thaw_owner", ""),
        error=tags.get("thaw_error", ""),
        message=tags.get("thaw_message", ""),
        progress=RunProgress(**json.loads(tags["thaw_progress"])) if "thaw_progress" in tags else RunProgress(),
        metrics={k: _restored(v) for k, v in raw.data.metrics.items()},
        verdict=tags.get("thaw_verdict", ""),
    )
