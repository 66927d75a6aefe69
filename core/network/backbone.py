"""Where the backbone's pretrained weights come from; it is always said which ones were used."""

import hashlib
import http.client
import json
import os
import random
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core import durable, paths
from core.errors import WeightsError
from core.experiment import ALPHAS, BackboneSpec, FreezeSpec
from core.network.layers import layer_table, totals

if TYPE_CHECKING:
    import keras

BASE_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
ASK_AGAIN_SECONDS = 600.0
SILENCE_SECONDS = 30.0  # without a byte, after which a download is given up
FAILURES = (OSError, ValueError, http.client.HTTPException)  # all that a broken connection or address raises
NAME_NOTE = "name.json"  # beside an uploaded file, which lies there under a name of ours
BUILTIN_FOLDER = Path(__file__).with_name("weights")


@dataclass(frozen=True)
class WeightsChoice:
    """Weights that can be used now, and why these."""

    weights: str
    title: str
    reason: str


def builtin_name(alpha: float) -> str:
    """Return the file name of Thaw's own weights for ``alpha``."""
    return f"mobilenet_v2_builtin_{alpha}_no_top.npz"


def builtin_file(alpha: float) -> Path | None:
    """Return the file of Thaw's own weights for ``alpha``; None where there is none."""
    path = BUILTIN_FOLDER / builtin_name(alpha)
    return path if path.exists() else None


def imagenet_name(alpha: float, size: int) -> str:
    """Return the file name Keras gives the ImageNet weights."""
    return f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}_no_top.h5"


def imagenet_file(alpha: float, size: int) -> Path:
    """Return where Keras keeps the ImageNet weights once downloaded."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return home / "models" / imagenet_name(alpha, size)


def imagenet_url(alpha: float, size: int) -> str:
    """Return where the weights are fetched from; ``THAW_WEIGHTS_URL`` overrides the folder, for a mirror."""
    return os.environ.get("THAW_WEIGHTS_URL", BASE_URL).rstrip("/") + "/" + imagenet_name(alpha, size)


def imagenet_reachable(alpha: float, size: int, timeout: float = 3.0) -> bool:
    """Tell within ``timeout`` seconds whether the ImageNet weights could be downloaded; asked at most once in ten minutes."""
    return _answers(imagenet_url(alpha, size), timeout, int(time.monotonic() // ASK_AGAIN_SECONDS))


@lru_cache(maxsize=64)
def _answers(url: str, timeout: float, _period: int) -> bool:
    """Ask from a thread: looking up a name, several addresses and a server that dribbles do not keep to a timeout."""
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(_has(url, timeout)), daemon=True)
    asking.start()
    asking.join(timeout)
    return answers == [True]


def _has(url: str, timeout: float) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout) as answer:
            return answer.status == 200
    except FAILURES:
        return False


def best_available(alpha: float, size: int, *, timeout: float = 3.0) -> WeightsChoice:
    """Return the best weights that can be had within a few seconds: ImageNet, else built-in, else random.

    Parameters
    ----------
    alpha, size
        Width of the network and image side in pixels.
    timeout
        Longest wait for an answer from the network, seconds.
    """
    if imagenet_file(alpha, size).exists():
        return WeightsChoice("imagenet", "ImageNet weights", "they are on this machine")
    if imagenet_reachable(alpha, size, timeout):
        return WeightsChoice("imagenet", "ImageNet weights", "they can be downloaded")
    if builtin_file(alpha):
        return WeightsChoice(
            "builtin", "Thaw's built-in weights", "ImageNet's are not on this machine and cannot be downloaded"
        )
    return WeightsChoice(
        "random",
        "no pretrained weights",
        f"ImageNet's cannot be downloaded and there are no built-in ones for alpha {alpha}",
    )


def explain(backbone: BackboneSpec) -> str:
    """Say in one sentence which weights a backbone uses."""
    return {
        "imagenet": "Pretrained on ImageNet: 1.3 million photographs of 1,000 kinds of things.",
        "builtin": "Thaw's built-in weights, trained on drawn pictures: weaker than ImageNet's, but they need no network.",
        "random": "NOT pretrained: random weights, so frozen features carry almost nothing and no head can learn much from them.",
    }.get(backbone.weights, f"Pretrained weights from the file {_title(Path(backbone.weights[5:]))}.")


def _title(file: Path) -> str:
    """Return what the person who uploaded a file calls it."""
    note = durable.read_json(file.with_name(NAME_NOTE))
    return str(note["name"]) if isinstance(note, dict) and "name" in note else file.name


def given_file(backbone: BackboneSpec) -> Path:
    """Return the file that ``file:`` weights name.

    Raises
    ------
    WeightsError
        When this process may not open it (:func:`core.paths.is_open`).
    """
    path = Path(backbone.weights.removeprefix("file:"))
    if not paths.is_open(path):
        raise WeightsError(
            f"The weights file {str(path)!r} is not open to this server. Upload it in the Lab, under Weights, or choose other weights."
        )
    return path


def fingerprint(backbone: BackboneSpec, seed: int = 0) -> str:
    """Return digits that identify the weights' content, for keys of kept activations."""
    if backbone.weights == "random":
        return f"random-{backbone.alpha}-{seed}"
    if backbone.weights == "imagenet":
        return f"imagenet-{backbone.alpha}-{backbone.size}"
    path = builtin_file(backbone.alpha) if backbone.weights == "builtin" else given_file(backbone)
    if path is None or not path.exists():
        raise WeightsError(_missing(backbone))
    return _file_digest(path, path.stat().st_mtime_ns)


@cache
def _file_digest(path: Path, _changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:24]


def _missing(backbone: BackboneSpec) -> str:
    if backbone.weights == "builtin":
        return f"There are no built-in weights for alpha {backbone.alpha}; they exist for alpha 0.35 and 1.0. Choose one of these."
    return f"There is no weights file {backbone.weights[5:]!r}. Check the path."


def build(backbone: BackboneSpec, seed: int = 0) -> "keras.Model":
    """Return MobileNetV2 without top with the weights that ``backbone`` names.

    Parameters
    ----------
    backbone
        Alpha, image size, weights.
    seed
        Seed of random weights.

    Raises
    ------
    WeightsError
        When the weights cannot be had or do not fit this alpha.
    """
    import keras

    shape = (backbone.size, backbone.size, 3)
    model = keras.applications.MobileNetV2(input_shape=shape, include_top=False, weights=None, alpha=backbone.alpha)
    if backbone.weights == "builtin":
        _load_builtin(model, backbone)
    elif backbone.weights == "random":
        _draw(model, seed)
    else:
        path = _imagenet(backbone) if backbone.weights == "imagenet" else given_file(backbone)
        _load_file(model, path, backbone)
    return model


def _draw(model: "keras.Model", seed: int) -> None:
    """Give a network the random weights that Keras would draw after ``keras.utils.set_random_seed(seed)``.

    Keras draws seeds from Python's global generator, which other threads of a worker use at the same time.
    """
    dealt = random.Random(seed)
    for layer in model.layers:
        initializer = getattr(layer, "depthwise_initializer", None) or getattr(layer, "kernel_initializer", None)
        if initializer is not None:
            seeded = type(initializer)(seed=dealt.randint(1, 10**9))
            layer.kernel.assign(seeded(layer.kernel.shape))


def _imagenet(backbone: BackboneSpec) -> Path:
    """Return the ImageNet weights where Keras keeps them, fetched if need be.

    Not with ``keras.utils.get_file``: it waits for ever, and a kill in the middle leaves half a file under the final name.
    """
    target = imagenet_file(backbone.alpha, backbone.size)
    try:
        if not target.exists():
            _download(imagenet_url(backbone.alpha, backbone.size), target)
    except FAILURES as error:
        raise WeightsError(
            f"The ImageNet weights could not be downloaded ({str(error)[:120]}). "
            "Choose the built-in weights, or give a weights file."
        ) from error
    return target


def _download(url: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = paths.partial(target)
    try:
        with urllib.request.urlopen(url, timeout=SILENCE_SECONDS) as answer, part.open("wb") as file:
            shutil.copyfileobj(answer, file)
            expected = int(answer.headers["Content-Length"] or file.tell())
        if part.stat().st_size != expected:
            raise ConnectionError("the connection broke off")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _load_file(model: "keras.Model", path: Path, backbone: BackboneSpec) -> None:
    # Keras only warns where a file in its newer format lacks a layer, and leaves that layer random.
    check_file(path, backbone.alpha)
    try:
        with _named_by_content(path) as named:
            model.load_weights(named)
    except (
        Exception
    ) as error:  # a damaged file makes h5py and Keras raise anything, thousands of plain RuntimeErrors included
        raise WeightsError(f"The weights in {path.name} are not those of MobileNetV2 without top.") from error


@contextmanager
def _named_by_content(path: Path) -> Iterator[Path]:
    """Give a copy of a weights file the name that Keras expects: it tells its two formats apart by name alone."""
    import h5py

    with h5py.File(path) as file:
        is_older = "layer_names" in file.attrs or "model_weights" in file
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(path, Path(folder) / ("older.h5" if is_older else "newer.weights.h5")))


def check_file(file: Path, alpha: float) -> None:
    """Refuse a weights file that was not made for MobileNetV2 without top at ``alpha``.

    Raises
    ------
    WeightsError
        When it is not there, was made for another alpha, or :func:`alpha_of` refuses it.
    """
    spec = BackboneSpec(alpha=alpha, weights=f"file:{file}")
    if not given_file(spec).exists():
        raise WeightsError(_missing(spec))
    if (made_for := alpha_of(file, file.name)) != alpha:
        raise WeightsError(
            f"{file.name} was made for alpha {made_for}, not {alpha}. Choose alpha {made_for}, or another file."
        )


def alpha_of(file: Path | BinaryIO, name: str) -> float:
    """Return the alpha of MobileNetV2 without top whose number of parameters a weights file holds; TensorFlow is not needed.

    Parameters
    ----------
    file
        HDF5 file, as Keras publishes weights or saves them; a path, or opened.
    name
        What to call it in an error.

    Raises
    ------
    WeightsError
        When it is no HDF5 file, refers to other files, or holds as many parameters as no MobileNetV2 without top has.
    """
    sizes = {totals(layer_table(BackboneSpec(alpha=a)), FreezeSpec()).total: a for a in ALPHAS}
    try:
        held = _numbers_in(file)
    except _ReachesOut as error:
        raise WeightsError(
            f"{name} refers to other files, which a weights file never needs. Save the weights again and take that file."
        ) from error
    except Exception as error:  # as above
        raise WeightsError(f"{name} is not a weights file (HDF5). Choose one whose name ends in _no_top.h5.") from error
    if held not in sizes:
        known = ", ".join(f"{n:,} (alpha {a})" for n, a in sizes.items())
        raise WeightsError(
            f"{name} holds {held:,} numbers; MobileNetV2 without top has {known}. Choose a file whose name ends in _no_top.h5."
        )
    return sizes[held]


def _numbers_in(file: Path | BinaryIO) -> int:
    import h5py

    sizes: list[int] = []

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise _ReachesOut
            if item.dtype.kind != "O" and not name.startswith("optimizer"):
                sizes.append(item.size)

    def check(_name: str, link: object) -> None:
        if isinstance(link, h5py.ExternalLink):
            raise _ReachesOut

    with h5py.File(file) as opened:
        opened.visititems_links(check)
        opened.visititems(note)
    return sum(sizes)


class _ReachesOut(Exception):
    """What an HDF5 file holds would be read from another file: with the weights, that would get into the trained model."""


def _load_builtin(model: "keras.Model", backbone: BackboneSpec) -> None:
    import numpy as np

    path = builtin_file(backbone.alpha)
    if path is None:
        raise WeightsError(_missing(backbone))
    if hashlib.sha256(path.read_bytes()).hexdigest() != manifest()["files"][path.name]["sha256"]:
        raise WeightsError(f"The built-in weights {path.name} are damaged (checksum). Install Thaw again.")
    with np.load(path) as arrays:
        model.set_weights([arrays[f"w{i:03d}"].astype(np.float32) for i in range(len(arrays.files))])


def manifest() -> dict:
    """Return the model card of the built-in weights."""
    return json.loads((BUILTIN_FOLDER / "manifest.json").read_text())
