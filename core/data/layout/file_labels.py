"""Labels in file names: ``cat.12.jpg``, ``cat_12.jpg``, ``12-cat.jpg``, ``rock.0000005a.jpg.1b2c.jpg`` (Edge Impulse)."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from core.data.layout.words import spelling, split_of

MIN_PICTURES = 3
MATCHED = 0.95  # share of the names that must be made alike
DEVICES = {
    "img",
    "image",
    "images",
    "imag",
    "dsc",
    "dscn",
    "dscf",
    "pxl",
    "mvimg",
    "photo",
    "photos",
    "pic",
    "pics",
    "picture",
    "pictures",
    "frame",
    "frames",
    "scan",
    "screenshot",
    "snapshot",
    "capture",
    "cam",
    "camera",
    "video",
    "vid",
    "p",
    "wa",
    "gopr",
    "untitled",
    "unnamed",
    "unbenannt",
    "file",
    "page",
    "sample",
    "item",
    "figure",
    "fig",
    "no",
    "nr",
    "id",
    "part",
    "the",
    "export",
    "download",
    "whatsapp_image",
    "whatsappimage",
    "signal",
    "cimg",
    "sam",
    "hpim",
    "wp",
    "bild",
    "foto",
    "thumb",
    "thumbnail",
    "output",
    "crop",
    "tile",
    "patch",
}
FORMS = (
    r"^(?P<label>[^\W\d][^.]*?)\.(?=[^.]*\d)[0-9A-Za-z_\-]+(\.|$)",  # cat.12, rock.0000005a.jpg.1b2c
    r"^(?P<label>[^\W\d].*?)[\s_\-.]*\(\d+\)$",  # cat (12)
    r"^(?P<label>[^\W\d].*?)[\s_\-.]+(?=[^\s_\-.]*\d)[0-9a-fA-F]+$",  # cat_12, cat-0a3
    r"^\d+[\s_\-.]+(?P<label>[^\W\d][^\d]*)$",  # 12_cat
    r"^(?P<label>[^\W\d]+(?:[\s_\-][^\W\d]+)*)\d+$",  # cat12
    r"^(?P<before>[^\W\d]+)[\s_\-.]*\d+[\s_\-.]+(?P<label>[^\W\d][^\d]*)$",  # img_0001_cat
)


def of_known(names: Sequence[str], known: Iterable[str]) -> list[str | None]:
    """Return the class that each name begins or ends with, of those that folders name (``A_test.jpg``); nothing where one name says none.

    Parameters
    ----------
    names
        Paths of pictures.
    known
        Names of classes.
    """
    by_spelling = {spelling(k): k for k in known}
    found: list[str | None] = []
    for name in names:
        said = [w for w in re.split(r"[_\-.\s]+", PurePosixPath(name).stem) if w]
        ends = [by_spelling[s] for w in (said[:1] + said[-1:]) if (s := spelling(w)) in by_spelling]
        found.append(ends[0] if len(set(ends)) == 1 else None)
    return found if all(found) else [None] * len(names)


def labels(names: Sequence[str], known: set[str] = frozenset()) -> list[str | None]:  # type: ignore[assignment]
    """Return the label that each file's name gives, all None where names are not clearly labels.

    They are where 95% of the names are made in one way, with at least two labels of three pictures or more, at least half as many
    pictures as would give each label ten, and no label is what a camera or a program writes before a number.

    Parameters
    ----------
    names
        Paths of pictures.
    known
        Labels known from elsewhere; where there are some, only these count.
    """
    stems = [PurePosixPath(name).name.rsplit(".", 1)[0] for name in names]
    allowed = {spelling(k) for k in known}
    for form in FORMS:
        found = [_label(form, stem) for stem in stems]
        if "before" in form and len({_group(form, stem, "before") for stem in stems} - {None}) > 1:
            continue  # cat_1_front, dog_1_back: what differs in front may be the class as well
        if allowed:
            found = [label if label and spelling(label) in allowed else None for label in found]
        if _clear(found, allowed):
            return found
    return [None] * len(stems)


def _label(form: str, stem: str) -> str | None:
    label = (_group(form, stem, "label") or "").strip(" _-.")
    return label or None


def _group(form: str, stem: str, name: str) -> str | None:
    found = re.match(form, stem)
    return found.group(name) if found else None


def _clear(found: list[str | None], allowed: set[str]) -> bool:
    counts = Counter(label for label in found if label)
    if sum(counts.values()) < MATCHED * len(found) or not counts:
        return False
    if allowed:
        return True
    enough = [label for label, n in counts.items() if n >= MIN_PICTURES]
    many = sum(counts.values()) / len(counts) >= 5 or (len(counts) <= 5 and len(enough) == len(counts))
    return len(enough) >= 2 and many and not any(_is_no_class(label) for label in counts)


def _is_no_class(label: str) -> bool:
    word = re.sub(r"[\s_\-]+", "_", label.casefold())
    return word in DEVICES or word.split("_")[0] in DEVICES or split_of(label) is not None or len(label) > 60
