"""Real runs, made once a session: of the built-in digits, which are easy, and of a folder of drawn pictures, which is hard."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.cases import Case, base, ill, observe, sensible
from core import data
from core.diagnosis import Observations
from core.experiment import BackboneSpec, DataSpec, DrawnDials

DIGITS = DataSpec(source="builtin:digits", images_per_class=30, validation_fraction=0.15, test_fraction=0.05)
BACKBONE = BackboneSpec(alpha=0.35, size=96, weights="builtin")
HARD = "hard: "


def cases(spec: DataSpec) -> dict[str, Case]:
    """Return every case on these images by its name."""
    start = base(spec, BACKBONE)
    return {c.name: c for c in [*sensible(start), *ill(start)]}


def write_hard_pictures(folder: Path) -> DataSpec:
    """Write drawn pictures that the built-in weights find hard, as a person's own folder."""
    drawn = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=320, difficulty=0.5))
    dataset = data.load(drawn, BACKBONE.size)
    for split in dataset.splits.values():
        for row, label, name in zip(split.indices, split.labels, split.names, strict=True):
            path = folder / dataset.class_names[label] / f"{Path(name).stem}-{row}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(split.source[row]).save(path)
    return DataSpec(source=f"path:{folder}", images_per_class=48, validation_fraction=0.3, test_fraction=0.05)


@pytest.fixture(scope="session")
def seen(tmp_path_factory) -> Callable[[str], Observations]:
    """Give what a diagnosis may see of a case on the digits; after ``hard: `` on the hard pictures."""
    hard = write_hard_pictures(tmp_path_factory.mktemp("hard"))
    known = {"": cases(DIGITS), HARD: cases(hard)}

    @cache
    def get(name: str) -> Observations:
        kind = HARD if name.startswith(HARD) else ""
        return observe(known[kind][name.removeprefix(kind)])

    return get
