"""Real photographs and scans that come with the libraries: no network, no licence question.

scikit-learn and scikit-image are imported where they are used, so that the first page need not wait for them.
"""

import numpy as np

from core.data.collection import Collection
from core.data.creatures import creatures

PATCH = 96
MATERIALS = ("brick", "grass", "gravel")


def digits() -> Collection:
    """UCI handwritten digits (Alpaydin and Kaynak 1998; scikit-learn), 8x8 enlarged to 64x64."""
    from skimage import transform
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = np.clip(raw.images * 255 / 16, 0, 255).astype(np.uint8)
    large = [transform.resize(i, (64, 64), order=1, preserve_range=True).astype(np.uint8) for i in images]
    names = tuple(f"digit {label} no. {i}" for i, label in enumerate(raw.target))
    pictures = tuple(np.repeat(i[..., None], 3, 2) for i in large)
    return Collection(
        "builtin-digits-1",
        "Handwritten digits",
        tuple("0123456789"),
        names,
        raw.target.astype(np.int64),
        (None,) * len(names),
        pictures,
    )


def materials() -> Collection:
    """Patches of brick, grass and gravel (scikit-image, CC0), each split cut from a region of its own."""
    from skimage import data as photographs

    pictures, names, labels, given = [], [], [], []
    for label, material in enumerate(MATERIALS):
        photograph = getattr(photographs, material)()
        for split, top, bottom, step in (("train", 0, 300, 34), ("validation", 304, 404, 9), ("test", 412, 512, 9)):
            for y in range(top, bottom - PATCH + 1, step if split == "train" else PATCH):
                for x in range(0, photograph.shape[1] - PATCH + 1, step if split == "train" else 2 * step):
                    patch = photograph[y : y + PATCH, x : x + PATCH]
                    pictures.append(np.repeat(patch[..., None], 3, 2))
                    names.append(f"{material} {split} at {x},{y}")
                    labels.append(label)
                    given.append(split)
    return Collection(
        "builtin-materials-1", "Materials", MATERIALS, tuple(names), np.array(labels), tuple(given), tuple(pictures)
    )


def faces() -> Collection:
    """100 faces and 100 patches that are none (scikit-image's part of Labeled Faces in the Wild), 25x25 enlarged."""
    from skimage import data as photographs
    from skimage import transform

    raw = np.asarray(photographs.lfw_subset(), np.float64)
    large = [transform.resize(i, (75, 75), order=1) for i in raw]
    pictures = tuple(np.repeat((np.clip(i, 0, 1) * 255).astype(np.uint8)[..., None], 3, 2) for i in large)
    labels = np.repeat([0, 1], 100)
    names = tuple(f"{('face', 'no face')[label]} no. {i % 100}" for i, label in enumerate(labels))
    return Collection("builtin-faces-1", "Faces or not", ("face", "no face"), names, labels, (None,) * 200, pictures)


BUILTIN = {"creatures": creatures, "digits": digits, "materials": materials, "faces": faces}
