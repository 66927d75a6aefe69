"""Altered copies: the same picture mirrored, turned, cropped, brightened or saved again, found by looking, and by names that say so.

A picture is compared with windows of every other one: small patches without their slow changes of light, so that a product of two is
their correlation. Pairs that agree are laid over each other exactly and must agree in fine detail too, which different pictures of the
same thing do not.

SciPy is imported where it is used, so that the first page need not wait for it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from core.data.split import duplicate_groups

SIDE = 96  # pixels at which pictures are compared
PATCH = 10  # pixels of a patch by which candidates are found
FINE = 48  # pixels of a patch by which they are judged
SCALES = (0.9, 0.8, 0.7, 0.6)  # sides of the windows; between them and their places the exact overlay is searched
NEAR = 0.80  # correlation of patches from which a pair is looked at closely
SAME = 0.90  # correlation in fine detail from which it is the same picture
NEAR_CROPPED = 0.62  # windows lie on a grid, so that the right one agrees less
# By how much place and size of a window are changed, as shares of a side, at how many pixels it is then compared, and the correlation below which no
# further step mends it: of 31 copies that were found the worst had 0.90, 0.91 and 0.92 after each (measured on 146 photographs), of other pairs half had 0.70, 0.63 and 0.47.
SEARCH = ((0.03, 16, 0.75), (0.015, 24, 0.78), (0.008, FINE, 0.8), (0.004, FINE, SAME))
HOPELESS = 0.65  # correlation at the first window, before any step; those copies had 0.75 and more
ROUNDS = 4
WHOLE = (0.0, 0.0, 1.0, 1.0)
MOVES = np.array(
    [(1, 0, 0, 0), (0, 1, 0, 0), (-0.5, 0, 1, 0), (0, -0.5, 0, 1)]
)  # y, x, and height and width about the middle
BOTH_WAYS = np.concatenate([MOVES, -MOVES])
SMALLEST = 0.4
EVEN = 10  # grey levels within which a frame is of one colour; saving as JPEG changes it by less
DETAIL = 9  # pixels of a judged patch over which light may change
NEIGHBOURS = 3  # candidates a picture and kind of change
MAX_CROPPED = 6000  # pictures up to which windows are compared: the number of products grows with its square

AT_ONCE = 64  # pairs that are laid over each other side by side

Window = tuple[float, float, float, float]  # y, x, height, width, as shares of a side
Candidate = tuple[int, int, int, Window | None]  # rows a and b, the symmetry of b, where in a
SYMMETRIES = (
    ("recoloured", 0, False),
    ("turned", 1, False),
    ("turned", 2, False),
    ("turned", 3, False),
    ("mirrored", 0, True),
    ("mirrored and turned", 1, True),
    ("mirrored", 2, True),
    ("mirrored and turned", 3, True),
)


@dataclass(frozen=True)
class Copy:
    """Two pictures that are one: rows ``a`` and ``b``, and how the second came out of the first, in words."""

    a: int
    b: int
    how: str


@dataclass(frozen=True)
class Copies:
    """What is one picture: a group number a row, shape (n,), and the links by which groups came about."""

    groups: np.ndarray
    links: tuple[Copy, ...]

    def how(self, a: int, b: int) -> str:
        """Say how row ``b`` is a copy of row ``a`` of the same group."""
        return self._said.get((min(a, b), max(a, b)), "the same picture, or nearly")

    @cached_property
    def _said(self) -> dict[tuple[int, int], str]:
        return {(min(c.a, c.b), max(c.a, c.b)): c.how for c in self.links}


def of(pixels: np.ndarray, names: Sequence[str], labels: Sequence[int]) -> Copies:
    """Return what is one picture, plainly saved again or altered.

    Parameters
    ----------
    pixels
        uint8 of shape (n, size, size, 3).
    names, labels
        File name and class of each.
    """
    plain = duplicate_groups(pixels)
    first = np.unique(plain, return_index=True)[1]
    links = (*find(pixels, first), *originals(names, labels))
    return Copies(_joined(plain, links), links)


def _joined(groups: np.ndarray, links: Sequence[Copy]) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = int(groups.max()) + 1 if len(groups) else 0
    ends = np.array([[groups[c.a], groups[c.b]] for c in links], np.int64).reshape(-1, 2).T
    numbers = connected_components(coo_matrix((np.ones(len(links), bool), tuple(ends)), shape=(n, n)), directed=False)[
        1
    ]
    joined = numbers[groups]
    order = np.unique(joined, return_index=True)
    return np.argsort(np.argsort(order[1]))[np.searchsorted(order[0], joined)]


def originals(names: Sequence[str], labels: Sequence[int]) -> list[Copy]:
    """Return pairs whose names say that they were made from one picture: Roboflow writes what it was called before ``.rf.``.

    Parameters
    ----------
    names
        File names.
    labels
        Classes; files called alike in two classes are different files.
    """
    known: dict[tuple[str, int], int] = {}
    found = []
    for row, (name, label) in enumerate(zip(names, labels, strict=True)):
        said = re.match(r"(.+)\.rf\.[^.]+(\.[A-Za-z]+)?$", PurePosixPath(name).name)
        if said:
            first = known.setdefault((said.group(1), int(label)), row)
            if first != row:
                found.append(Copy(first, row, "made from one original, by their names"))
    return found


def find(pixels: np.ndarray, rows: np.ndarray) -> list[Copy]:
    """Return pairs of altered copies: mirrored, turned by quarters, brightened or recoloured, framed, cropped to no less than 0.6 a side.

    Parameters
    ----------
    pixels
        uint8 of shape (n, size, size, 3).
    rows
        Those to compare, shape (m,), without plain duplicates: each finds at most a few partners.

    Notes
    -----
    Windows are compared among at most 6,000 pictures; mirrored, turned and framed copies are found among any number.
    """
    grey = np.stack([_grey(pixels[row]) for row in rows]) if len(rows) else np.zeros((0, SIDE, SIDE), np.uint8)
    found: dict[tuple[int, int], Copy] = {}
    candidates = _candidates(grey)
    while block := list(islice(candidates, AT_ONCE)):
        block = [c for c in block if (min(c[:2]), max(c[:2])) not in found]
        for (a, b, kind, window), agrees in zip(block, agreements(grey, block), strict=True):
            if agrees >= SAME:
                found.setdefault((min(a, b), max(a, b)), Copy(int(rows[a]), int(rows[b]), _in_words(kind, window)))
    return list(found.values())


def _in_words(kind: int, window: Window | None) -> str:
    if window is None:
        return SYMMETRIES[kind][0]
    return "cropped and mirrored" if SYMMETRIES[kind][2] else "cropped"


def _grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(np.asarray(picture)).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _level(grey: np.ndarray, width: int) -> np.ndarray:
    """Take slow changes of light out of pictures (n, h, w) or (h, w)."""
    from scipy.ndimage import uniform_filter

    values = np.asarray(grey, np.float32)
    return values - uniform_filter(values, (0,) * (values.ndim - 2) + (width, width), mode="nearest")


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors - vectors.mean(-1, keepdims=True)
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-3 * vectors.shape[-1] ** 0.5)


def _turned(patches: np.ndarray, kind: int) -> np.ndarray:
    """Apply one of the eight symmetries to pictures (…, h, w)."""
    _, quarters, mirrored = SYMMETRIES[kind]
    patches = np.flip(patches, -1) if mirrored else patches
    return np.rot90(patches, quarters, (-2, -1))


@lru_cache(maxsize=1)
def _windows() -> tuple[np.ndarray, list[tuple[int, int]], list[Window]]:
    """Return box filters (k · PATCH, SIDE) that shrink parts of a line, which pairs of them make windows, and where those lie."""
    filters, parts = [], []
    for scale in (1.0, *SCALES):
        for offset in np.linspace(0, 1 - scale, 1 if scale == 1 else max(3, round((1 - scale) / 0.07) + 1)):
            edges = (offset + scale * np.arange(PATCH + 1) / PATCH) * SIDE
            x = np.arange(SIDE)
            filters.append(
                np.clip(np.minimum(edges[1:, None], x + 1) - np.maximum(edges[:-1, None], x), 0, None)
                * PATCH
                / (scale * SIDE)
            )
            parts.append((scale, float(offset)))
    pairs = [(i, j) for i, (s, _) in enumerate(parts) for j, (t, _) in enumerate(parts) if s == t]
    places = [(parts[i][1], parts[j][1], parts[i][0], parts[j][0]) for i, j in pairs]
    return np.concatenate(filters).astype(np.float32), pairs, places


def _patches(grey: np.ndarray) -> np.ndarray:
    """Return the windows of pictures (n, SIDE, SIDE) as unit vectors, shape (n, windows, PATCH²); the first is the whole picture."""
    filters, pairs, _ = _windows()
    blocks = _shrunk(grey, filters).reshape(len(grey), len(filters) // PATCH, PATCH, len(filters) // PATCH, PATCH)
    i, j = np.array(pairs).T
    return _unit(blocks[:, i, :, j, :].transpose(1, 0, 2, 3).reshape(len(grey), len(pairs), PATCH * PATCH))


def _shrunk(grey: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Apply filters (k, SIDE) to both axes of pictures: two large products are many times faster than one of small ones."""
    n, k = len(grey), len(filters)
    wide = (_level(grey, SIDE // 4).reshape(-1, SIDE) @ filters.T).reshape(n, SIDE, k)
    both = (wide.transpose(0, 2, 1).reshape(-1, SIDE) @ filters.T).reshape(n, k, k)
    return both.transpose(0, 2, 1)


def _whole(grey: np.ndarray) -> np.ndarray:
    """Return whole pictures as unit vectors, shape (n, PATCH²): the first of :func:`_patches`."""
    return _unit(_shrunk(grey, _windows()[0][:PATCH]).reshape(len(grey), -1))


def _candidates(grey: np.ndarray, block: int = 64) -> Iterator[Candidate]:
    """Yield (a, b, symmetry, window of a or None) of pairs that look alike when small, the whole pictures first."""
    n = len(grey)
    if n < 2:
        return
    places = _windows()[2][1:]
    edges = np.flatnonzero(np.diff([0, *(height for _, _, height, _ in places), 0]))
    sizes = [slice(a, b) for a, b in pairwise(edges)]
    starts = range(0, n, block)
    whole = np.concatenate([_whole(grey[s : s + block]) for s in starts])
    square = whole.reshape(n, PATCH, PATCH)
    for kind in range(len(SYMMETRIES)):
        others = _turned(square, kind).reshape(n, -1)
        for s in starts:
            near = whole[s : s + block] @ others.T
            near[np.arange(len(near)), np.arange(s, s + len(near))] = -1
            for a, b in _best(near, NEAR):
                yield s + a, b, kind, None
    framed = [(row, *found) for row in range(n) if (found := _inside_frame(grey[row]))]
    if framed:
        inside = _whole(np.stack([picture for _, picture, _ in framed]))
        for kind in range(len(SYMMETRIES)):
            near = inside @ _turned(square, kind).reshape(n, -1).T
            near[np.arange(len(framed)), [row for row, _, _ in framed]] = -1
            for i, b in _best(near, NEAR_CROPPED):
                yield framed[i][0], b, kind, framed[i][2]
    if n > MAX_CROPPED:
        return
    for s in starts:
        patches = _patches(grey[s : s + block])[:, 1:]
        m, k = patches.shape[:2]
        for kind in (0, 4):
            near = (patches.reshape(m * k, -1) @ _turned(square, kind).reshape(n, -1).T).reshape(m, k, n)
            for size in sizes:  # the best of each: from one of another size the search may not find back
                which, best = near[:, size].argmax(1), near[:, size].max(1)
                best[np.arange(m), np.arange(s, s + m)] = -1
                for a, b in _best(best, NEAR_CROPPED):
                    yield s + a, b, kind, places[size][which[a, b]]


def _inside_frame(grey: np.ndarray) -> tuple[np.ndarray, Window] | None:
    """Return what lies inside an even frame or between two bars, uint8 (SIDE, SIDE), and its window; None where a picture has neither."""
    uneven = np.abs(grey.astype(np.int16) - grey[0, 0]) > EVEN
    rows, columns = np.flatnonzero(uneven.any(1)), np.flatnonzero(uneven.any(0))
    if not len(rows):
        return None
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    framed = min(top, SIDE - bottom) > 1 or min(left, SIDE - right) > 1
    if not framed or min(bottom - top, right - left) < SMALLEST * SIDE:
        return None
    picture = Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, right, bottom))
    return np.asarray(picture), (top / SIDE, left / SIDE, (bottom - top) / SIDE, (right - left) / SIDE)


def _best(near: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Return the few best columns of each row that reach ``least``."""
    k = min(NEIGHBOURS, near.shape[1])
    columns = np.argpartition(near, -k, 1)[:, -k:]
    return [(int(a), int(b)) for a, row in enumerate(columns) for b in row if near[a, b] >= least]


def agreements(grey: np.ndarray, candidates: Sequence[Candidate]) -> np.ndarray:
    """Return the correlation in fine detail of the best overlay of each pair, shape (k,).

    Place and size are searched from coarse to fine, one after the other: fine detail alone leads nowhere from a few pixels off. Pairs are
    searched side by side, and left where nothing further can mend them.

    Parameters
    ----------
    grey
        uint8 of shape (n, SIDE, SIDE).
    candidates
        Rows a and b, the symmetry of b, and the window of a near which it lies; None is all of it, and is not searched.
    """
    if not candidates:
        return np.zeros(0)
    pictures = grey[[a for a, *_ in candidates]].astype(np.float32)
    others = np.stack([_turned(grey[b], kind) for _, b, kind, _ in candidates]).astype(np.float32)
    at = np.array([window or WHOLE for *_, window in candidates])
    searched = np.array([window is not None for *_, window in candidates])
    best = np.empty(len(candidates))
    for part, side in ((~searched, FINE), (searched, SEARCH[0][1])):
        best[part] = _overlays(pictures[part], _targets(others[part], side), at[part], side)
    going = np.flatnonzero(searched & (best >= HOPELESS))
    for step, side, needed in SEARCH:
        at[going], best[going] = _climbed(pictures[going], _targets(others[going], side), at[going], step, side)
        going = going[best[going] >= needed]
    return best


def _climbed(
    pictures: np.ndarray, targets: np.ndarray, at: np.ndarray, step: float, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move windows (k, 4) by one step at a time while that makes them agree better."""
    at, best = at.copy(), _overlays(pictures, targets, at, side)
    going = np.arange(len(at))
    for _ in range(ROUNDS):
        tried = at[going, None] + step * BOTH_WAYS
        agree = _overlays(pictures[going, None], targets[going, None], tried, side)
        better = agree.max(1) > best[going]
        at[going[better]] = tried[better, agree[better].argmax(1)]
        best[going[better]] = agree[better].max(1)
        going = going[better]
        if not len(going):
            break
    return at, best


def _targets(pictures: np.ndarray, side: int) -> np.ndarray:
    """Return whole pictures (k, SIDE, SIDE) resized, as unit vectors of their detail (k, side²)."""
    whole = _lines(np.array([0.0]), np.array([float(SIDE)]), side)
    return _detail(whole @ pictures @ whole.transpose(0, 2, 1))


def _overlays(pictures: np.ndarray, targets: np.ndarray, windows: np.ndarray, side: int) -> np.ndarray:
    """Return how windows (…, 4) of pictures (…, SIDE, SIDE) agree with targets in fine detail, shape (…,); -1 where one is too small."""
    start, end = np.clip(windows[..., :2], 0, 1) * SIDE, np.clip(windows[..., :2] + windows[..., 2:], 0, 1) * SIDE
    lines, columns = (_lines(start[..., i], end[..., i], side) for i in (0, 1))
    agree = (_detail(lines @ pictures @ columns.swapaxes(-1, -2)) * targets).sum(-1)
    return np.where((end - start).min(-1) >= SMALLEST * SIDE, agree, -1.0)


def _lines(start: np.ndarray, end: np.ndarray, side: int) -> np.ndarray:
    """Return filters (…, side, SIDE) that resize parts of a line, given in pixels, as Pillow's bilinear one does; many at once are faster."""
    scale = ((end - start) / side).astype(np.float32)[..., None]
    centres = start.astype(np.float32)[..., None] + np.arange(0.5, side, dtype=np.float32) * scale
    weights = np.abs(np.arange(0.5, SIDE, dtype=np.float32) - centres[..., None])
    weights /= -np.maximum(scale, 1)[..., None]
    weights += 1
    np.maximum(weights, 0, out=weights)
    weights /= weights.sum(-1, keepdims=True) + 1e-9
    return weights


def _detail(values: np.ndarray) -> np.ndarray:
    """Take slow changes of light out of pictures (…, side, side) and return unit vectors (…, side²)."""
    light = _mean_nearby(values.shape[-1])
    return _unit((values - light @ values @ light.T).reshape(*values.shape[:-2], values.shape[-1] ** 2))


@lru_cache(maxsize=8)
def _mean_nearby(side: int) -> np.ndarray:
    """Return the filter of a line that :func:`_level` uses, as a matrix: for small pictures two products are faster than SciPy's passes."""
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(np.eye(side, dtype=np.float32), DETAIL, axis=0, mode="nearest")
