"""Weights files that people upload: kept under a name of ours, read in a throw-away process, shown under theirs."""

import hashlib
from pathlib import Path

from core import durable, paths, sandbox
from core.errors import WeightsError
from core.network.backbone import NAME_NOTE, alpha_of

LARGEST = 60 * 2**20  # alpha 1.4 has 35 MB in float64


def keep(content: bytes, name: str) -> tuple[str, float]:
    """Keep an uploaded weights file below the data directory.

    Parameters
    ----------
    content
        The file: HDF5, as Keras publishes weights or saves them.
    name
        What the person calls it.

    Returns
    -------
    tuple of str and float
        ``file:<path>`` for :class:`~core.experiment.BackboneSpec`, and the alpha that it was made for.

    Raises
    ------
    WeightsError
        When it is larger than 60 MB, or no weights of MobileNetV2 without top.
    OSError
        When there is no room for it.
    """
    if len(content) > LARGEST:
        raise WeightsError(
            f"{name} has {len(content) / 2**20:,.0f} MB; MobileNetV2 without top has less than {LARGEST >> 20}. Take another file."
        )
    home = paths.subdir("weights") / hashlib.sha256(content).hexdigest()[:16]
    target = home / "weights.h5"
    if not durable.is_whole(target):
        durable.write(target, lambda partial: _checked(partial, content, name))
    durable.write_json(home / NAME_NOTE, {"name": name})
    return f"file:{target}", sandbox.run(alpha_of, target, name)


def _checked(partial: Path, content: bytes, name: str) -> None:
    partial.write_bytes(content)
    sandbox.run(alpha_of, partial, name)
