"""A run's observations as JSON, so that a rule can be tested on a real run without making it again."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from core.data.health import HealthNote
from core.diagnosis import Observations
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment


def save(seen: Observations, path: Path) -> None:
    """Write what a diagnosis may see; probabilities are rounded to four digits."""
    splits = seen.evaluation.splits if seen.evaluation is not None else {}
    data = {
        "experiment": seen.experiment.model_dump(mode="json") if seen.experiment is not None else None,
        "history": {k: [float(f"{v:.5g}") for v in seen.history[k]] for k in seen.history},
        "probes": seen.probes,
        "health": [asdict(note) | {"names": []} for note in seen.health],
        "class_names": list(seen.evaluation.class_names) if seen.evaluation is not None else [],
        "splits": {k: [p.labels.tolist(), np.round(p.probabilities, 4).tolist()] for k, p in splits.items()},
    }
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n")


def load(path: Path) -> Observations:
    """Read what :func:`save` wrote."""
    data = json.loads(path.read_text())
    splits = {}
    for name, (labels, probabilities) in data["splits"].items():
        names = tuple(f"{name} {i}" for i in range(len(labels)))
        splits[name] = Predictions(np.array(labels), np.array(probabilities), names, np.arange(len(labels)))
    return Observations(
        pd.DataFrame(data["history"]),
        Experiment.model_validate(data["experiment"]),
        Evaluation(tuple(data["class_names"]), splits),
        data["probes"],
        tuple(HealthNote(**note) for note in data["health"]),
    )
