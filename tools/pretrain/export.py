"""Write trained weights as float16 into ``core/network/weights`` with checksum and model card: ``python -m tools.pretrain.export --work DIR``.

``python -m tools.pretrain.export --measured FILE [FILE …]`` writes into the card what ``benchmarks.transfer --json FILE`` measured.
"""

import argparse
import hashlib
import json
from pathlib import Path
from statistics import mean

import keras
import numpy as np

from core.network.backbone import builtin_name

TARGET = Path(__file__).resolve().parents[2] / "core" / "weights"
VERSION = "3"
CARD = {
    "version": VERSION,
    "licence": "CC0-1.0",
    "architecture": "keras.applications.MobileNetV2, include_top=False",
    "trained_on": "pictures drawn by formula, and crops of public-domain photographs that scikit-image carries",
    "task": "predict classical descriptors (edges, colours, textures) and visual words per region of the picture from the pooled features",
    "not": "not trained on ImageNet or any labelled photographs; features know edges, colours, textures and coarse shape, not kinds of things",
}


def export(alpha: float, source: Path) -> Path:
    """Write one file of weights from a checkpoint and return it.

    Raises
    ------
    ValueError
        When a value does not fit float16.
    """
    model = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None, alpha=alpha)
    model.load_weights(source)
    return store(alpha, model.get_weights())


def store(alpha: float, weights: list[np.ndarray]) -> Path:
    """Write weights as float16 into ``core/network/weights`` and return the file.

    Raises
    ------
    ValueError
        When a value does not fit float16.
    """
    arrays = [w.astype(np.float16) for w in weights]
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError(f"weights of alpha {alpha} do not fit float16")
    target = TARGET / builtin_name(alpha)
    np.savez_compressed(target, **{f"w{i:03d}": a for i, a in enumerate(arrays)})
    return target


def write_manifest(measured: dict[float, dict] | None = None) -> None:
    """Write the model card with checksums and measured results of the files that are there.

    Parameters
    ----------
    measured
        Results by alpha, see :func:`results_of`. Without new ones a file keeps its old ones for as long as its bytes stay the same.
    """
    path = TARGET / "manifest.json"
    before = json.loads(path.read_text())["files"] if path.exists() else {}
    files = {p.name: _card_of(p, before.get(p.name, {})) for p in sorted(TARGET.glob("*.npz"))}
    for alpha, results in (measured or {}).items():
        files[builtin_name(alpha)]["results"] = results
    path.write_text(json.dumps({**CARD, "files": files}, indent=1) + "\n")


def _card_of(file: Path, before: dict) -> dict:
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    results = {"results": before["results"]} if before.get("sha256") == checksum and "results" in before else {}
    return {"sha256": checksum, "bytes": file.stat().st_size, **results}


def results_of(files: list[Path]) -> dict[float, dict]:
    """Return the accuracies that ``benchmarks.transfer`` wrote: by alpha, images, side in pixels, and features with method.

    Raises
    ------
    KeyError
        Where a file is not one of the transfer benchmark.
    """
    rows: dict[tuple, list[float]] = {}
    for written in (json.loads(f.read_text()) for f in files):
        for r in written["rows"]:
            key = (written["alpha"], r["folder"], str(r["size"]), f"{r['features']} {r['method']}")
            rows.setdefault(key, []).append(r["accuracy"])
    found: dict[float, dict] = {}
    for (alpha, folder, size, way), accuracies in rows.items():
        found.setdefault(alpha, {}).setdefault(folder, {}).setdefault(size, {})[way] = round(mean(accuracies), 3)
    return found


def main() -> None:
    """Export every final checkpoint in the work folder, take measured results, and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, help="folder of tools.pretrain.train")
    parser.add_argument("--measured", type=Path, nargs="*", default=[], help="JSON files of benchmarks.transfer")
    options = parser.parse_args()
    TARGET.mkdir(exist_ok=True)
    for source in sorted(options.work.glob("alpha-*.final.weights.h5")) if options.work else []:
        print(export(float(source.name.removeprefix("alpha-").removesuffix(".final.weights.h5")), source))
    write_manifest(results_of(options.measured))


if __name__ == "__main__":
    main()
