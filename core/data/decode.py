"""From files of any common format to RGB arrays of one size, memory-mapped on disk."""

import hashlib
import io
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pi_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from core import durable, mapped, paths
from core.data.collection import Collection, Progress, no_progress
from core.errors import DataError, StorageError

MAX_PIXELS = 64_000_000
BIG = 16_000_000  # pixels; such pictures are decoded one at a time: each takes four bytes a pixel several times over
MAX_SCANS = 100  # of a progressive JPEG; programs write about ten, and each goes over the whole picture
FEW_SCANS = 10
BLACK = 8  # of 255
TAIL = 16  # rows; no block of a JPEG is higher
# No others: Pillow would start Ghostscript for PostScript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")
READ = "JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF or TIFF"
Image.MAX_IMAGE_PIXELS = None  # our own limit is checked from the header, before a pixel is decoded
pi_heif.register_heif_opener(thumbnails=False)

_one_big = threading.Lock()


class UnusableImage(Exception):
    """One picture that cannot be used; the text is the reason."""


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the first frame upright, as RGB: 16-bit scaled to 8, transparency laid on white, EXIF rotation applied."""
    image.seek(0)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale to 0..255 from the smallest usual range that holds the values; 16 bits often hold the 12 of a sensor or a scanner."""
    values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
    top = float(values.max())
    if image.mode.startswith("I;"):
        ranges: tuple[float, ...] = (4095.0, 65535.0) if top > 255 else (65535.0,)
    else:
        ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    top = next((r for r in ranges if top <= r), top)
    return Image.fromarray(np.uint8(np.clip(np.round(values / top * 255), 0, 255)))


def read_picture(source: Path | np.ndarray, size: int | None = None) -> np.ndarray:
    """Return one picture as uint8 RGB of shape (size, size, 3), stretched bilinearly; unresized without ``size``.

    Raises
    ------
    UnusableImage
        When the file is empty, broken, no image or larger than 64 megapixels.
    """
    return read_at(source, (size,))[0]


def read_at(source: Path | np.ndarray, sizes: Iterable[int | None]) -> list[np.ndarray]:
    """Return one picture, decoded once, at each of several sizes; otherwise as :func:`read_picture`."""
    image = Image.fromarray(source) if isinstance(source, np.ndarray) else _open(source)
    try:
        with image, _turn(image):
            rgb = to_rgb(image)
            return [_resized(rgb, size) for size in sizes]
    except (
        Exception
    ) as error:  # a damaged file makes Pillow's readers raise anything, struct.error and ZeroDivisionError included
        raise UnusableImage(f"is damaged or cut off ({error})") from error


def _turn(image: Image.Image) -> AbstractContextManager:
    return _one_big if image.width * image.height > BIG else nullcontext()


def _resized(rgb: Image.Image, size: int | None) -> np.ndarray:
    return np.asarray(rgb if size is None else rgb.resize((size, size), Image.Resampling.BILINEAR))


def _open(path: Path) -> Image.Image:
    try:
        if path.stat().st_size == 0:
            raise UnusableImage("is empty")
        image = Image.open(path, formats=FORMATS)
    except UnusableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnusableImage(f"is not an image ({READ})") from error
    except Exception as error:  # as above
        system = isinstance(error, OSError) and error.errno
        raise UnusableImage(f"{'cannot be opened' if system else 'is damaged or cut off'} ({error})") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise UnusableImage(f"has {image.width * image.height / 1e6:,.0f} megapixels; the limit is 64")
    _refuse_many_scans(image, path)
    return image


def _refuse_many_scans(image: Image.Image, path: Path) -> None:
    """Refuse a small file that takes very long: what a scan costs is known from the size, how many there are from their markers."""
    if not image.info.get("progressive"):
        return
    scans = path.read_bytes().count(b"\xff\xda")
    if scans > MAX_SCANS or scans * image.width * image.height > FEW_SCANS * MAX_PIXELS:
        image.close()
        raise UnusableImage(
            f"is a progressive JPEG of {scans} scans, which takes very long to read. Save it again as a usual JPEG"
        )


def header(path: Path) -> tuple[str, int]:
    """Return format and number of pixels of a file from its header; no format and 0 where it has none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.format or "", image.width * image.height
    except Exception:  # as above
        return "", 0


def check_file(path: Path) -> tuple[int, int]:
    """Decode a file once and return its width and height.

    Raises
    ------
    UnusableImage
        As :func:`read_picture`, and when a JPEG holds less than its header says.
    """
    image = read_picture(path)
    if _is_flat(image[-TAIL:]) and image.shape[0] > 2 * TAIL and _holds_less(path):
        raise UnusableImage("is damaged: its header says that it is larger than the picture inside")
    return image.shape[1], image.shape[0]


def is_black(content: bytes) -> bool:
    """Tell whether a picture shows nothing, as the first one of a camera that is not ready does."""
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("L").getextrema()[1] <= BLACK  # type: ignore[operator]


def _is_flat(rows: np.ndarray) -> bool:
    return bool((rows == rows[0, 0]).all())


def _holds_less(path: Path) -> bool:
    """Tell whether a JPEG ends before its last row: decoders fill what is missing with one colour and say nothing.

    More data are put before its end: they are passed over where the picture is complete, and show where it is not.
    """
    content = path.read_bytes()
    end = content.rfind(b"\xff\xd9")
    if not content.startswith(b"\xff\xd8") or end < 0:
        return False
    more = np.random.default_rng(0).integers(0, 255, 200_000, np.uint8).tobytes()
    before, after = _reduced(content), _reduced(content[:end] + more + content[end:])
    return before is not None and (after is None or not np.array_equal(before, after))


def _reduced(content: bytes) -> np.ndarray | None:
    """Return a JPEG at half its size, the smallest at which every scan counts; None where it cannot be read."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            image.draft(None, (image.width // 2, image.height // 2))
            return np.asarray(image)
    except Exception:  # as above
        return None


def pixels(collection: Collection, size: int, progress: Progress = no_progress) -> np.ndarray:
    """Return all pictures at one size, memory-mapped uint8 of shape (n, size, size, 3), decoded at most once.

    Parameters
    ----------
    collection
        Pictures that were checked before.
    size
        Pixels a side.
    progress
        Called with what is going on and the share done.

    Raises
    ------
    DataError
        When a picture has become unreadable.
    StorageError
        When the disk is full.
    """
    prepare(collection, (size,), progress)
    return np.load(_target(collection, size), mmap_mode="r")


def prepare(collection: Collection, sizes: Iterable[int], progress: Progress = no_progress) -> None:
    """Decode each picture once for all of these sizes that are not on disk yet; arguments and errors as for :func:`pixels`."""
    missing = {size: target for size in sizes if not durable.is_whole(target := _target(collection, size))}
    if missing:
        _decode_all(collection, missing, progress)


def _target(collection: Collection, size: int) -> Path:
    name = hashlib.sha256(f"{collection.key}-{size}".encode()).hexdigest()[:24]
    return paths.subdir("datasets") / "decoded" / f"{name}.npy"


def _decode_all(collection: Collection, targets: dict[int, Path], progress: Progress) -> None:
    partials = {size: paths.partial(target) for size, target in targets.items()}
    try:
        _write(collection, partials, progress)
        for size, target in targets.items():
            durable.publish(partials[size], target)
    except UnusableImage as error:
        raise DataError(
            f"An image could be read before and cannot any more: it {error}. Import the images again."
        ) from error
    except OSError as error:
        raise StorageError(f"The images could not be kept on disk ({error}). Free some space and try again.") from error
    finally:
        for path in partials.values():
            path.unlink(missing_ok=True)


def _write(collection: Collection, targets: dict[int, Path], progress: Progress) -> None:
    n = len(collection.pictures)
    arrays = [_reserved(path, n, size) for size, path in targets.items()]
    for i, pictures in enumerate(_in_parallel(collection, list(targets))):
        for array, picture in zip(arrays, pictures, strict=True):
            array[i] = picture
            if i % mapped.ROWS == 0:
                mapped.release(array)
        if i % 32 == 0 or i == n - 1:
            progress(f"Reading images: {i + 1} of {n}", (i + 1) / n)
    for array in arrays:
        array.flush()


def _reserved(path: Path, n: int, size: int) -> np.memmap:
    """Return a new array on disk whose space is taken at once, so that a full disk is an error and no crash."""
    path.parent.mkdir(exist_ok=True)
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (n, size, size, 3))
    paths.reserve(path)
    return array


def _in_parallel(collection: Collection, sizes: list[int], ahead: int = 64) -> Iterator[list[np.ndarray]]:
    """Decode with all cores (Pillow releases the interpreter lock), never holding more than ``ahead`` pictures."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(collection.pictures), ahead):
            yield from pool.map(partial(read_at, sizes=sizes), collection.pictures[start : start + ahead])
