"""Sets that are made for something else, or are no pictures yet: named, with a way out."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from core.data.layout.words import is_mask

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
ARRAYS = {
    ".npy": "NumPy", ".npz": "NumPy", ".mat": "MATLAB", ".pkl": "pickled", ".pickle": "pickled", ".h5": "HDF5", ".hdf5": "HDF5",
    ".parquet": "Parquet", ".tfrecord": "TFRecord", ".tfrecords": "TFRecord", ".arrow": "Arrow", ".bin": "binary", ".pt": "PyTorch",
    ".lmdb": "LMDB", ".mdb": "LMDB",
}  # fmt: skip
OTHERS = {".pdf": "PDF", ".docx": "Word", ".pptx": "PowerPoint", ".mp4": "video", ".mov": "video", ".avi": "video", ".mkv": "video", ".dcm": "DICOM", ".nii": "NIfTI"}  # fmt: skip
UNREAD = {".mat", ".xlsx", ".xls", ".ods", ".npy", ".npz", ".pkl", ".pickle", ".h5", ".hdf5", ".parquet", ".db", ".sqlite", ".xml"}  # fmt: skip
LABELS = re.compile(r"label|class|annot|meta|target|truth")
IDX = re.compile(r"idx[13].ubyte")
BATCH = re.compile(r"^(data_batch|test_batch|batches\.meta)")
PIXELS = "{} holds the pixels of pictures as numbers, and there are no pictures. Save each row as PNG or JPEG, in a folder a class."
WHOLE = "Thaw tells whole pictures apart: put one folder a class into the ZIP, with the pictures inside."


def reason(name: str) -> str:
    """Return why a file that is no picture is left out."""
    if name.casefold().endswith(ARCHIVES) and not IDX.search(name.casefold()):
        return "is an archive inside the archive and was not opened: unpack it to use what it holds"
    return "is not an image"


def several(n: int, of: int) -> str:
    """Return the refusal of a set whose pictures have more than one label each."""
    return (
        f"A table gives several labels to {n} of the {of} pictures. Thaw tells whole pictures apart, and each belongs to one class: choose one "
        "label a picture, and put one folder a class into the ZIP, with the pictures inside."
    )


def outlined(n: int, of: int) -> str:
    """Return the refusal of pictures of one kind, each with its outline beside it."""
    return f"This is a set for segmentation ({n} of {of} pictures are outlines of those beside them): its labels are pictures, not a class a picture. {WHOLE}"


def unclear(path: str) -> str:
    """Return the refusal of a set whose pictures a text names without a class for each that could be found."""
    return (
        f"{path} names the pictures, but nothing in it was understood as the class of each: a few words, each for several pictures. Save it as a CSV "
        "table with one row a picture, its file name and its label, and put it beside the pictures; or put one folder a class into the ZIP."
    )


def sentence(pictures: Sequence[str], others: Sequence[str], boxes: bool = False, pixels: str = "") -> str | None:
    """Return what a set without labels for whole pictures is, and what to do; None where nothing speaks for anything.

    Parameters
    ----------
    pictures, others
        Paths of pictures and of all other files.
    boxes
        Whether a table with boxes lies beside them.
    pixels
        A table that holds the pixels of pictures, if there is one.
    """
    named = [p for p in pictures if PurePosixPath(p).suffix]
    if not named and (what := _arrays([*others, *pictures]) or (PIXELS.format(pixels) if pixels else None)):
        return what
    if not pictures:
        return _archives(others) or _files(others)
    if what := _detection(pictures, others, boxes):
        return (
            f"This is a set for object detection ({what}): its labels are boxes in the pictures, not a class a picture. {WHOLE} "
            "Cut the boxes out into such folders, or export it as “classification” (in Roboflow: format “Folder structure”)."
        )
    if masks := _masks(pictures):
        return f"This is a set for segmentation (outlines in {masks}/): its labels are pictures, not a class a picture. {WHOLE}"
    return _unread_labels(others)


def _unread_labels(others: Sequence[str]) -> str | None:
    """Name a file that may hold the labels and is of a kind that is not read."""
    tables = [o for o in others if PurePosixPath(o.casefold()).suffix in UNREAD]
    if not tables:
        return None
    said = min(tables, key=lambda o: (not LABELS.search(PurePosixPath(o).stem.casefold()), o))
    return (
        f"Nothing that can be read gives the pictures two classes. {said} may: save it as a CSV table with one row a picture, its file name "
        "and its label, and put it beside the pictures; or put one folder a class into the ZIP."
    )


def _detection(pictures: Sequence[str], others: Sequence[str], boxes: bool) -> str | None:
    lower = [o.casefold() for o in others]
    if coco := next(
        (o for o in lower if o.endswith(".json") and ("instances" in o or "coco" in o or "annotation" in o)), None
    ):
        return f"COCO, {PurePosixPath(coco).name}"
    if boxes:
        return "a table with bounding boxes"
    stems = {PurePosixPath(p).stem for p in pictures}
    for suffix, name in (
        (".xml", "Pascal VOC, an XML file a picture"),
        (".txt", "YOLO, images/ and labels/, a text file a picture"),
        (".json", "a JSON file a picture"),
    ):
        beside = {PurePosixPath(o).stem for o in others if o.casefold().endswith(suffix)}
        if len(stems & beside) >= max(2, 0.3 * len(stems)):
            return name
    if any(PurePosixPath(o).name in {"data.yaml", "_darknet.labels"} for o in lower) and any(
        "labels" in PurePosixPath(o).parts for o in lower
    ):
        return "YOLO, data.yaml and labels/"
    return None


def _masks(pictures: Sequence[str]) -> str | None:
    names = Counter(part for p in pictures for part in set(PurePosixPath(p).parts[:-1]) if is_mask(part))
    return next((name for name, n in names.most_common(1) if n >= 0.2 * len(pictures)), None)


def _archives(others: Sequence[str]) -> str | None:
    inside = [o for o in others if o.casefold().endswith(ARCHIVES)]
    if not inside:
        return None
    listed = ", ".join(inside[:3]) + (" …" if len(inside) > 3 else "")
    if len(inside) > 1:
        return (
            f"There are other archives inside this one ({listed}), and no pictures beside them. Unpack each into a folder of its own, called "
            "like its class where each holds one, and upload a ZIP of these folders."
        )
    return (
        f"There are other archives inside this one ({listed}), and no pictures beside them. Unpack it, then upload the ZIP inside that "
        "holds the labelled pictures by itself."
    )


def _arrays(others: Sequence[str]) -> str | None:
    lower = {o: PurePosixPath(o.casefold()).name for o in others}
    for pattern, kind in ((IDX, "MNIST's IDX"), (BATCH, "CIFAR's pickled")):
        if found := next((o for o, name in lower.items() if pattern.search(name)), None):
            return _in_arrays(kind, found)
    found = next((o for o, name in lower.items() if PurePosixPath(name).suffix in ARRAYS), None)
    return _in_arrays(ARRAYS[PurePosixPath(lower[found]).suffix], found) if found else None


def _in_arrays(kind: str, found: str) -> str:
    return f"There are {kind} arrays inside ({PurePosixPath(found).name}), and no pictures. Save each picture as PNG or JPEG, in a folder a class."


def _files(others: Sequence[str]) -> str | None:
    for other in others:
        suffix = PurePosixPath(other.casefold()).suffix
        if suffix in OTHERS:
            return f"There are {OTHERS[suffix]} files inside ({PurePosixPath(other).name}), and no pictures. Save each picture as PNG or JPEG, in a folder a class."
    return None
