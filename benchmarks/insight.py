"""Measures how long each question of the page See takes, cold and warm, on 300 pictures of a pair.

``python -m benchmarks.insight [--images DIR] [--weights FILE] [--alpha 1.0] [--size 224] [--repeats 3]``

Each question is put to a worker that has TensorFlow loaded: cold, with nothing of the pair on disk but the runs; then with the features of the
pictures known, as they are after training (this is the figure that is compared with a limit); then again, when the answer is kept.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import data, paths
from core.data.decode import read_picture
from core.engine import Engine, cluster, execute
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment, FreezeSpec, TrainingSpec
from core.insight import embedding, influence, path, saliency, similarity, try_picture
from core.runs import RunStore

PICTURES, SPLIT = 300, {"train": 0.6, "val": 0.2, "test": 0.2}
LIMITS = {"try_picture_ms": 300, "heat_map_ms": 600, "map_s": 6, "similarity_s": 5, "path_s": 5, "influence_s": 1}


def write_pictures(target: Path, source: Path | None, size: int) -> None:
    """Write 300 pictures below ``train``, ``val`` and ``test``, the same number of each class."""
    spec = DataSpec(source=f"path:{source.resolve()}") if source else DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=2 * PICTURES))  # fmt: skip
    found = data.catalogue(spec)
    order = np.random.default_rng(0).permutation(len(found.labels))
    for c, name in enumerate(found.class_names):
        rows = [i for i in order if found.labels[i] == c][: PICTURES // len(found.class_names)]
        ends = np.round(np.cumsum(list(SPLIT.values())) * len(rows)).astype(int)
        for split, part in zip(SPLIT, np.split(np.array(rows), ends[:-1]), strict=True):
            folder = target / split / name
            folder.mkdir(parents=True)
            for i in part:
                Image.fromarray(read_picture(found.pictures[i], size)).save(folder / f"{i:06d}.png")


def pair(engine: Engine, images: Path, backbone: BackboneSpec) -> list[str]:
    """Train all frozen and last 4 thawed, and return the runs."""
    base = Experiment(data=DataSpec(source=f"path:{images}", group_duplicates=False), backbone=backbone, training=TrainingSpec(epochs=8))  # fmt: skip
    ids = [engine.submit(base.replace(freeze=FreezeSpec.last(n))) for n in (0, 4)]
    for run_id in ids:
        if engine.wait(run_id) != "finished":
            raise SystemExit(engine.store.get(run_id).error)
    while any(engine.works_on(run_id) for run_id in ids):
        time.sleep(0.2)
    return ids


def questions(engine: Engine, ids: list[str], size: int) -> dict[str, Callable[[], Any]]:
    """Return what is asked, by the figure's name."""
    uri = engine.store.uri
    test = data.load(engine.store.get(ids[1]).experiment.data, size).test
    one = {size: np.asarray(test.source[test.indices[:1]])}
    ask = lambda function, *args: lambda: engine.call(function, uri, *args, timeout=300)  # noqa: E731
    return {
        "try_picture_ms": ask(try_picture.answers, ids, one),
        "heat_map_ms": ask(saliency.look, ids, one, None, "out_relu"),
        "map_s": ask(embedding.place, ids, "Conv_1", "tsne"),
        "similarity_s": ask(similarity.changes, ids),
        "path_s": ask(path.along, ids),
        "influence_s": ask(influence.of_training_pictures, ids[1:]),
    }


def fresh(engine: Engine) -> None:
    """Forget what was computed and start the worker anew, with TensorFlow loaded."""
    shutil.rmtree(paths.data_dir() / "activations", ignore_errors=True)
    workers = list(engine.client.scheduler_info(n_workers=-1)["workers"])
    engine.client.restart_workers(workers, timeout=120)
    engine.call(execute.warm, timeout=300)


def forget_answers() -> None:
    """Leave the features of the pictures, and let questions be computed again."""
    shutil.rmtree(paths.data_dir() / "cache" / "insight", ignore_errors=True)


def seconds(question: Callable[[], Any]) -> float:
    """Return how long a question takes."""
    started = time.monotonic()
    question()
    return time.monotonic() - started


def times(engine: Engine, question: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Return the seconds of a question by what its figure's name ends in."""
    fresh(engine)
    forget_answers()
    cold = seconds(question)
    known = []
    for _ in range(repeats):
        forget_answers()
        known.append(seconds(question))
    return {"": statistics.median(known), "_cold": cold, "_kept": seconds(question)}


def main() -> None:
    """Train the pair, ask everything cold and warm, print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="a folder with one folder a class; drawn pictures without it")
    parser.add_argument(
        "--weights", type=Path, help="a weights file of MobileNetV2 without top; the built-in weights without it"
    )
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=3, help="of each question, features known")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory(prefix="thaw-insight-") as home:
        os.environ[paths.DATA_DIR_VARIABLE] = f"{home}/data"
        images = paths.subdir("benchmark")  # a worker reads what lies below the data directory
        write_pictures(images, options.images, options.size)
        weights = f"file:{shutil.copy(options.weights, paths.subdir('cache'))}" if options.weights else "builtin"
        engine = Engine(RunStore())
        try:
            ids = pair(engine, images, BackboneSpec(alpha=options.alpha, size=options.size, weights=weights))  # fmt: skip
            for name, question in questions(engine, ids, options.size).items():
                what, _, unit = name.rpartition("_")
                scale = {"ms": 1000, "s": 1}[unit]
                for label, taken in times(engine, question, options.repeats).items():
                    limit = "" if label else f" (at most {LIMITS[name]})"
                    print(f"{what}{label}_{unit} {taken * scale:.3g} {unit}{limit}", flush=True)
        finally:
            engine.close()
            cluster.stop()


if __name__ == "__main__":
    main()
