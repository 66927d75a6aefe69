"""Write trained weights as float16 into ``core/weights`` with checksum and model card: ``python -m tools.pretrain.export --work DIR``."""

import argparse
import hashlib
import json
from pathlib import Path

import keras
import numpy as np

TARGET = Path(__file__).resolve().parents[2] / "core" / "weights"
VERSION = "2"
CARD = {
    "version": VERSION,
    "licence": "CC0-1.0",
    "architecture": "keras.applications.MobileNetV2, include_top=False",
    "trained_on": "pictures drawn by formula, and crops of public-domain photographs that scikit-image carries",
    "task": "predict classical descriptors (edges, colours, textures per region) of the picture from the pooled features",
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
    """Write weights as float16 into ``core/weights`` and return the file.

    Raises
    ------
    ValueError
        When a value does not fit float16.
    """
    arrays = [w.astype(np.float16) for w in weights]
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError(f"weights of alpha {alpha} do not fit float16")
    target = TARGET / f"mobilenet_v2_builtin_{alpha}_no_top.npz"
    np.savez_compressed(target, **{f"w{i:03d}": a for i, a in enumerate(arrays)})
    return target


def write_manifest() -> None:
    """Write the model card with the checksums of the files that are there."""
    files = {
        p.name: {"sha256": hashlib.sha256(p.read_bytes()).hexdigest(), "bytes": p.stat().st_size}
        for p in sorted(TARGET.glob("*.npz"))
    }
    (TARGET / "manifest.json").write_text(json.dumps({**CARD, "files": files}, indent=1) + "\n")


def main() -> None:
    """Export every final checkpoint in the work folder and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    work = parser.parse_args().work
    TARGET.mkdir(exist_ok=True)
    for source in sorted(work.glob("alpha-*.final.weights.h5")):
        print(export(float(source.name.removeprefix("alpha-").removesuffix(".final.weights.h5")), source))
    write_manifest()


if __name__ == "__main__":
    main()
