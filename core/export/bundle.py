"""Everything that is needed to run a run again without Thaw, in one ZIP."""

import zipfile
from pathlib import Path

from core import paths
from core.data import Dataset
from core.experiment import BackboneSpec, Experiment
from core.export.code import notebook, script, weights_file
from core.export.images import add, from_files, write_images
from core.network.backbone import builtin_file, given_file


def bundle(experiment: Experiment, dataset: Dataset, target: Path, *, name: str = "A run") -> None:
    """Write a ZIP with ``train.py``, ``train.ipynb``, ``experiment.json``, the weights Keras cannot fetch, and the images.

    Parameters
    ----------
    experiment, dataset
        What was trained, on what.
    target
        File to write; it appears when it is complete.
    name
        Title of the script.

    Notes
    -----
    Images that came as files are left out: whoever has the ZIP has them, and the script reads them where they are.
    """
    partial = paths.partial(target)
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            add(archive, "train.py", script(experiment, dataset, name=name).encode())
            add(archive, "train.ipynb", notebook(experiment, dataset, name=name).encode())
            add(archive, "experiment.json", experiment.to_json(indent=1).encode())
            weights = _weights(experiment.backbone)
            if weights:
                add(archive, weights_file(experiment.backbone), weights.read_bytes())
            if not from_files(dataset):
                write_images(dataset, archive, "images/")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _weights(backbone: BackboneSpec) -> Path | None:
    if backbone.weights == "builtin":
        return builtin_file(backbone.alpha)
    if not backbone.weights.startswith("file:"):
        return None
    given = given_file(backbone)
    return given if given.is_file() else None
