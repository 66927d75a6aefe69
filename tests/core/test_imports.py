"""Pages show at once only while nothing they import imports TensorFlow."""

import subprocess
import sys
from pathlib import Path

MODULES = (
    "core.engine.engine",
    "core.runs.store",
    "core.data",
    "core.network.layers",
    "core.figures",
    "core.diagnosis",
    "core.network.backbone",
)
MODULES += (
    "core.training.costs",
    "core.engine.execute",
    "core.engine.serving",
    "core.experiment",
    "core.histories",
    "core.evaluation",
)
MODULES += ("core.studies.sweeps", "core.studies.trials", "core.studies.repair", "core.export")


def test_what_pages_import_does_not_import_tensorflow():
    code = f"import sys, {', '.join(MODULES)}; print([m for m in ('tensorflow', 'keras', 'streamlit') if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert out.strip() == "[]"
