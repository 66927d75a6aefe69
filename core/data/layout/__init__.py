"""What a listing of files means: a tree of classes, splits, folders to look through and parts left out. Pure functions over names."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from core.data.collection import HealthNote
from core.data.layout import class_names, file_labels, folder_labels, foreign, tables, words
from core.experiment import FolderRole

PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2", ".svg", ".ppm", ".pgm", ".raw", ".cr2", ".nef", ".arw", ".dng"}  # fmt: skip
PAPERS = {"readme", "license", "licence", "copying", "notice", "authors", "changelog", "citation", "version", "makefile", "dockerfile", "md5sums", "sha256sums"}  # fmt: skip
STRUCTURE = 0.8  # a folder with this share of the pictures is the set, what lies beside it is documentation
LOOSE = "lies in no class folder"
OUTLINE = "is the outline of another picture"
OUTLINES = "holds outlines, not pictures"
SEVERAL = "has several labels in a table, and a picture belongs to one class here"
UNLABELLED = "holds pictures without labels"


@dataclass(frozen=True)
class Place:
    """What one file is: split (None: ours to choose) and class, or the reason why it is left out."""

    split: str | None = None
    label: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Folder:
    """One folder as it was understood.

    Attributes
    ----------
    role
        ``through`` (looked through), ``class``, ``train``, ``validation``, ``test`` or ``out``; ``inside`` where it belongs to its class.
    label, split
        Class, and split where the folder's own name holds both.
    why
        Reason of a folder that is left out.
    n
        Pictures in it and below.
    """

    path: str
    role: str
    n: int = 0
    label: str | None = None
    split: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Layout:
    """A listing as it was understood; ``places`` in the order of the names, ``folders`` from the top down."""

    places: tuple[Place, ...]
    folders: tuple[Folder, ...]
    notes: tuple[HealthNote, ...] = ()
    refusal: str | None = None


@dataclass
class _Node:
    path: str = ""
    folders: dict[str, "_Node"] = field(default_factory=dict)
    files: list[int] = field(default_factory=list)
    n: int = 0

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def kids(self) -> list["_Node"]:
        """Folders with pictures somewhere below."""
        return [kid for kid in self.folders.values() if kid.n]


def is_picture(name: str) -> bool:
    """Tell by its name whether a file may be a picture; a name without a suffix may."""
    path = PurePosixPath(name.casefold())
    return path.suffix in PICTURES or (path.stem not in PAPERS and (not path.suffix or path.suffix[1:].isdigit()))


def understand(
    names: Sequence[str],
    *,
    texts: Mapping[str, str] | None = None,
    roles: Mapping[str, FolderRole] | None = None,
    empty: Sequence[str] = (),
) -> Layout:
    """Say for each file which class and split it belongs to.

    Parameters
    ----------
    names
        Relative paths with forward slashes.
    texts
        Contents of the files that may be tables of labels, by path.
    roles
        Roles that a person gave to folders, by path; they go before what names suggest.
    empty
        Folders that hold nothing.

    Returns
    -------
    Layout
        Every name has a place; a class is never called like a split unless it stands among other classes and holds pictures itself.
    """
    tree = _tree(names, empty)
    reading, places, notes = _read(tree, names, dict(roles or {}), texts or {})
    only = {p.label for p in places if p.label}
    single = [f.path for f in reading.roles.values() if f.role == "class" and f.path not in (roles or {})]
    if len(only) == 1 and texts and single:  # one folder with a table beside it
        again = _read(tree, names, dict(roles or {}) | dict.fromkeys(single, "through"), texts)
        if len({p.label for p in again[1] if p.label}) > 1:
            reading, places, notes = again
    places = _one_split_is_none(places)
    places, said = _called_by_name(places, texts or {})
    notes += said
    places, said = _labelled_by_folder(places, texts or {})
    notes += said
    places, said = _one_spelling(places)
    notes += said + _empty_classes(reading, places, names)
    notes += _without_shared_classes(places)
    refusal = _refusal(names, places, texts or {}) if len({p.label for p in places if p.label}) < 2 else None
    folders = _without_empty_parts(reading.folders(tree), names, places, roles or {})
    return Layout(tuple(places), folders, tuple(notes), refusal)


def _refusal(names: Sequence[str], places: Sequence[Place], texts: Mapping[str, str]) -> str | None:
    """Return what a set without two classes is instead; None where nothing speaks for anything."""
    pictures = [n for n in names if is_picture(n)]
    boxless = {
        path for path in texts if path.casefold().endswith(".json") and not tables.has_boxes({path: texts[path]})
    }
    others = [n for n in names if not is_picture(n) and n not in boxless]
    several = sum(p.why == SEVERAL for p in places)
    if several:
        return foreign.several(several, len(pictures))
    outlines = sum(p.why == OUTLINE for p in places)
    if outlines >= 0.2 * len(pictures) > 0:
        return foreign.outlined(outlines, len(pictures))
    known = foreign.sentence(pictures, others, tables.has_boxes(texts), tables.of_pixels(texts))
    named_in = "" if known else tables.mentioning(texts, pictures)
    return foreign.unclear(named_in) if named_in else known


def _without_shared_classes(places: Sequence[Place]) -> list[HealthNote]:
    """Say of parts that they hold different folders, as of persons or cases: what is trained on one says nothing on the other."""
    inside = {
        split: {p.label for p in places if p.label and p.split == split} for split in ("train", "validation", "test")
    }
    train, others = inside["train"], inside["validation"] | inside["test"]
    if not train or not others or train & others:
        return []
    text = (
        f"Training holds the folders {_some(train)}, and the other parts hold others ({_some(others)}), so they are no classes to be learned and "
        "asked for. If each is a person or a case, put the pictures of one class into one folder in every part; or split the pictures again."
    )
    return [HealthNote("no_shared_classes", "problem", "No class is in two parts", text)]


def _some(labels: Iterable[str]) -> str:
    listed = sorted(labels)
    return ", ".join(map(repr, listed[:3])) + (" …" if len(listed) > 3 else "")


def _without_empty_parts(
    folders: Sequence[Folder], names: Sequence[str], places: Sequence[Place], given: Mapping[str, FolderRole]
) -> tuple[Folder, ...]:
    """Say of parts in which no picture has a label that they are left out; of those that a person called a part only why."""
    labelled = [name for name, place in zip(names, places, strict=True) if place.label]
    used = {parent.as_posix() for name in labelled for parent in PurePosixPath(name).parents}
    empty = (
        [f.path for f in folders if f.role in {"train", "validation", "test"} and f.path not in used] if used else []
    )

    def seen(folder: Folder) -> Folder:
        within = any(folder.path == path or folder.path.startswith(f"{path}/") for path in empty)
        role = folder.role if folder.path in given else "out"
        return replace(folder, role=role, why=folder.why or UNLABELLED) if within else folder

    return tuple(seen(folder) for folder in folders)


def _read(
    tree: "_Node", names: Sequence[str], roles: dict[str, FolderRole], texts: Mapping[str, str]
) -> tuple["_Reading", list[Place], list[HealthNote]]:
    """Give folders their roles and files their places, with the labels of tables and file names."""
    reading = _Reading(names, roles)
    reading.level(tree)
    places = [reading.place(name) if is_picture(name) else Place(why=foreign.reason(name)) for name in names]
    places, outlines = _without_outlines(names, places)
    placed, said = _labelled_elsewhere(names, places, texts)
    placed, dealt = _dealt_by_lists(names, placed, texts)
    return reading, placed, reading.notes + outlines + said + dealt


def _without_outlines(names: Sequence[str], places: list[Place]) -> tuple[list[Place], list[HealthNote]]:
    """Leave out outlines that lie beside their pictures: ``benign (1)_mask.png`` beside ``benign (1).png``."""
    stems = {name.rpartition(".")[0].casefold() for name in names if is_picture(name)}
    found = [i for i, name in enumerate(names) if is_picture(name) and words.outlined(name.rpartition(".")[0].casefold()) in stems]  # fmt: skip
    if not found:
        return places, []
    out = set(found)
    example = names[found[0]].rpartition("/")[2]
    text = f"They lie beside the pictures that they are the outlines of, for example {example}, and show no class themselves."
    note = HealthNote("outlines", "info", f"{len(found)} outlines left out", text, tuple(names[i] for i in found[:200]))
    return [Place(why=OUTLINE) if i in out else p for i, p in enumerate(places)], [note]


def _dealt_by_lists(
    names: Sequence[str], places: list[Place], texts: Mapping[str, str]
) -> tuple[list[Place], list[HealthNote]]:
    """Give labelled pictures in no split the one whose list names them: ``train.txt``, ``test.txt``."""
    loose = [i for i, p in enumerate(places) if p.label and not p.split]
    if not texts or not loose or any(p.split for p in places):
        return places, []
    found = tables.dealt(texts, [names[i] for i in loose])
    if not found.splits:
        return places, []
    told = {loose[i]: split for i, split in found.splits.items()}
    note = HealthNote("splits_from_lists", "info", "Splits from lists", found.said)
    return [replace(p, split=told[i]) if i in told else p for i, p in enumerate(places)], [note]


def _tree(names: Sequence[str], empty: Sequence[str]) -> _Node:
    root = _Node()
    for i, name in enumerate(names):
        counts, node = is_picture(name), root
        node.n += counts
        for part in name.split("/")[:-1]:
            node = node.folders.setdefault(part, _Node(f"{node.path}/{part}".lstrip("/")))
            node.n += counts
        if counts:
            node.files.append(i)
    for path in empty:
        node = root
        for part in path.strip("/").split("/"):
            node = node.folders.setdefault(part, _Node(f"{node.path}/{part}".lstrip("/")))
    return root


class _Reading:
    """Goes down a tree and gives each folder a role, level by level, until a class or a part left out is reached."""

    def __init__(self, names: Sequence[str], given: dict[str, FolderRole]) -> None:
        self.names = names
        self.given = given
        self.roles: dict[str, Folder] = {}
        self.class_levels: list[_Node] = []
        self.notes: list[HealthNote] = []

    def level(self, node: _Node) -> None:
        """Give the folders in ``node`` their roles."""
        for kid in node.kids:
            if kid.path in self.given:
                self._set(
                    kid, self.given[kid.path], why="was left out by hand" if self.given[kid.path] == "out" else ""
                )
        free = [kid for kid in node.kids if kid.path not in self.given]
        if not free:
            return
        for read in (
            self._folds,
            self._splits,
            self._splits_in_names,
            self._masks,
            self._forms,
            self._wrapper,
            self._splits_below,
            self._parts,
            self._groups,
        ):
            if read(node, free):
                return
        self._classes(node, free)

    def _set(
        self, node: _Node, role: str, *, label: str | None = None, split: str | None = None, why: str = ""
    ) -> None:
        self.roles[node.path] = Folder(
            node.path, role, node.n, (label or node.name) if role == "class" else None, split, why
        )
        if role == "class":
            self._below_class(node)
        elif role != "out":
            self.level(node)

    def _below_class(self, node: _Node) -> None:
        self._outlines_below(node)
        for kid in node.kids:
            role = self.given.get(kid.path)
            if role and role != "through":
                why = "was left out by hand" if role == "out" else ""
                self.roles[kid.path] = Folder(kid.path, role, kid.n, kid.name if role == "class" else None, why=why)
            self._below_class(kid)

    def _outlines_below(self, node: _Node) -> None:
        """Leave out what a class holds beside its pictures: ``COVID/images``, ``COVID/masks``, and ``cat/thumbs`` with the names of ``cat``."""
        free = [kid for kid in node.kids if kid.path not in self.given]
        apart = [kid for kid in free if words.names_mask(kid.name) or words.is_thumbs(kid.name)]
        rest = [kid for kid in node.kids if kid not in apart]
        if not all(words.is_container(kid.name) for kid in rest):
            return
        beside = {self._stem(i) for kid in (node, *rest) for i in kid.files}
        for kid in apart:
            same = sum(self._stem(i) in beside for i in kid.files)
            if beside and (rest or 2 * same > len(kid.files)):
                thumbs = words.is_thumbs(kid.name)
                self._set(kid, "out", why="holds small copies of the pictures beside it" if thumbs else OUTLINES)

    def _stem(self, i: int) -> str:
        return PurePosixPath(self.names[i]).stem.casefold()

    def _folds(self, node: _Node, free: list[_Node]) -> bool:
        folds = [kid for kid in free if words.is_fold(kid.name)] or self._dealt_again(free)
        if len(folds) < 2:
            return False
        complete = [kid for kid in folds if _is_dealt(kid)]
        for kid in free:
            if kid not in folds:
                self._set(kid, "out", why="lies beside the folds of a cross-validation")
            elif complete and kid is not complete[0]:
                self._set(
                    kid,
                    "out",
                    why=f"is another fold of a cross-validation: the pictures of {complete[0].name} dealt in another way",
                )
            else:
                self._set(kid, "through")
        names = ", ".join(kid.name for kid in folds[:3]) + (" …" if len(folds) > 3 else "")
        text = (
            f"Only {complete[0].name} is used; the others deal the same pictures in another way."
            if complete
            else "Their pictures are put together and dealt into training, validation and test anew."
        )
        self._note("folds", "info", "These are folds of a cross-validation", f"{names} are no classes. {text}")
        return True

    def _dealt_again(self, free: list[_Node]) -> list[_Node]:
        """Return the folders if they are numbered and each deals files of the same names: ``split_0/train``, ``split_1/train``."""
        numbered = {tuple(t for t in words.tokens(kid.name) if not t.isdigit()) for kid in free}
        if (
            len(free) < 2
            or len(numbered) > 1
            or not all(_is_dealt(kid) and words.tokens(kid.name)[-1].isdigit() for kid in free)
        ):
            return []
        inside = [{self.names[i].rpartition("/")[2] for i in _all_files(kid)} for kid in free]
        return free if 2 * len(set.intersection(*inside)) > len(set.union(*inside)) else []

    def _splits(self, node: _Node, free: list[_Node]) -> bool:
        meaning = _meanings(free)
        named = [kid for kid in free if meaning[kid.path]]
        others = [kid for kid in free if not meaning[kid.path]]
        distinct = {meaning[kid.path] for kid in named} - {"unlabelled"}
        if not distinct or not (len(distinct) > 1 or not others or any(_n_folders(kid) > 1 for kid in named)):
            return False
        clearly = {kid.path for kid in named if meaning[kid.path] == "validation" and not words.is_late(kid.name)}
        for kid in named:
            split = meaning[kid.path] or ""
            if split == "unlabelled":
                self._set(kid, "out", why=UNLABELLED)
            else:
                late = split == "validation" and clearly and kid.path not in clearly and "test" not in distinct
                self._set(kid, "test" if late else split)
        again = {words.spelling(k.name) for kid in named for k in kid.kids}
        same = [kid for kid in others if words.spelling(kid.name) in again] if "train" not in distinct else []
        for kid in others:  # ``cat``, ``dog``, ``val/cat``, ``val/dog``: what is not kept aside is for training
            if kid in same and len(same) > 1:
                self._set(kid, "class", split="train")
            else:
                self._set(kid, "out", why="lies beside the splits and is none of them")
        return True

    def _splits_in_names(self, node: _Node, free: list[_Node]) -> bool:
        found = {kid.path: words.split_and_rest(kid.name) for kid in free}
        pairs = [pair for pair in found.values() if pair]
        if (
            len({s for s, _ in pairs}) < 2
            or len({words.spelling(r) for _, r in pairs}) < 2
            or 2 * len(pairs) < len(free)
        ):
            return False
        for kid in free:
            pair = found[kid.path]
            if pair:
                self._set(kid, "class", split=pair[0], label=pair[1])
            else:
                self._set(kid, "out", why="lies beside the splits and is none of them")
        self.class_levels.append(node)
        return True

    def _masks(self, node: _Node, free: list[_Node]) -> bool:
        masks = [kid for kid in free if words.is_mask(kid.name)]
        rest = [kid for kid in free if kid not in masks]
        if not masks or not rest or not all(words.is_container(kid.name) for kid in rest):
            return False
        for kid in masks:
            self._set(kid, "out", why=OUTLINES)
        for kid in rest:
            self._set(kid, "through")
        return True

    def _forms(self, node: _Node, free: list[_Node]) -> bool:
        """Read one of several forms of the same pictures: ``color/``, ``grayscale/``, ``segmented/`` with the same classes in each."""
        inside = {frozenset(kid.folders) for kid in free}
        if (
            len(free) < 2
            or len(inside) > 1
            or len(next(iter(inside))) < 2
            or not all(words.is_form(k.name) for k in free)
        ):
            return False
        chosen = min(free, key=lambda kid: (words.form_rank(kid.name), kid.path))
        for kid in free:
            if kid is chosen:
                self._set(kid, "through")
            else:
                self._set(kid, "out", why=f"holds the pictures of {chosen.name} in another form")
        return True

    def _wrapper(self, node: _Node, free: list[_Node]) -> bool:
        """Look through one folder that holds everything, or nearly everything beside a repository's own pictures."""
        main = max(free, key=lambda kid: kid.n)
        if len(free) > 1:
            total = sum(kid.n for kid in free)
            holds = words.is_container(main.name) or {words.split_of(k.name) for k in main.kids} & {"train", "test"}
            if not (holds and _n_folders(main) > 1 and main.n >= STRUCTURE * total):
                return False
        elif not main.kids and not (
            words.is_container(main.name)
            or words.spelling(main.name) == words.spelling(node.name)
            or self._labels_in(main)
        ):
            return False
        self._set(main, "through")
        for kid in free:
            if kid is not main:
                self._set(kid, "out", why=f"lies beside {main.name}, which holds the classes")
        return True

    def _labels_in(self, node: _Node) -> bool:
        return any(file_labels.labels([self.names[i] for i in node.files])) if node.files else False

    def _splits_below(self, node: _Node, free: list[_Node]) -> bool:
        """Read ``cat/train``, ``cat/test``: the class above the split."""
        below = {kid.path: [words.split_of(k.name) for k in kid.kids] for kid in free}
        fits = [kid for kid in free if below[kid.path] and all(below[kid.path])]
        if (
            len(fits) < 2
            or 2 * len(fits) < len(free)
            or len({s for kid in fits for s in below[kid.path]} - {"unlabelled"}) < 2
        ):
            return False
        if fits == free and all(_n_folders(part) > 1 for kid in fits for part in kid.kids):
            return self._groups_above_splits(free)
        for kid in free:
            self._set(kid, "class")
            for part in kid.kids if kid in fits else ():
                split = words.split_of(part.name)
                if part.path not in self.given:
                    out = split == "unlabelled"
                    self.roles[part.path] = Folder(
                        part.path,
                        "out" if out else split or "",
                        part.n,
                        why=UNLABELLED if out else "",
                    )
        self.class_levels.append(node)
        return True

    def _groups_above_splits(self, free: list[_Node]) -> bool:
        """Look through folders that are dealt each for itself: ``spiral/train/healthy``, ``wave/train/healthy``."""
        for kid in free:
            self._set(kid, "through")
        names = ", ".join(kid.name for kid in free[:3]) + (" …" if len(free) > 3 else "")
        inside = ", ".join(sorted({k.name for kid in free for part in kid.kids for k in part.kids})[:4])
        text = f"{names} are each split, with folders in every part ({inside}). These were taken for the classes, and the pictures of {names} put together. If {names} are the classes, say so in the tree."
        self._note("groups", "warning", "Folders above the splits", text)
        return True

    def _parts(self, node: _Node, free: list[_Node]) -> bool:
        """Look through parts that only keep folders small: they hold the same classes, or no folders at all."""
        if len(free) < 2 or not all(words.is_part(kid.name) or words.is_container(kid.name) for kid in free):
            return False
        for kid in free:
            self._set(kid, "through")
        return True

    def _groups(self, node: _Node, free: list[_Node]) -> bool:
        """Look through numbered groups, as persons, years or sessions, that each hold the same classes: ``00/palm``, ``01/palm``."""
        inside = [{words.spelling(k.name) for k in kid.kids} for kid in free]
        shared = Counter(name for names in inside for name in names)
        same = sum(n == len(free) for n in shared.values())
        if len(free) < 2 or same < 2 or 2 * same < len(shared) or any(kid.files for kid in free):
            return False
        if not all(words.is_number(kid.name) for kid in free):
            return False
        if all(words.is_number(k.name) for kid in free for k in kid.kids) and not all(words.is_long_number(kid.name) for kid in free):  # fmt: skip
            return False
        for kid in free:
            self._set(kid, "through")
        names = ", ".join(kid.name for kid in free[:3]) + (" …" if len(free) > 3 else "")
        text = f"{names} hold the same folders and were taken for groups, as of persons or years, not for classes. Where one group shows the same things again and again, a validation picture may be much like a training picture."
        self._note("groups", "info", "Groups above the classes", text)
        return True

    def _classes(self, node: _Node, free: list[_Node]) -> None:
        self.class_levels.append(node)
        names = {words.spelling(kid.name) for kid in free}
        together: list[tuple[str, list[str]]] = []
        for kid in free:
            meaning = words.split_of(kid.name)
            inside = {words.spelling(k.name) for k in kid.kids}
            if len(inside) > 1 and inside <= names - {words.spelling(kid.name)}:
                self._set(kid, "out", why="holds the classes beside it again")
                continue
            if meaning in {"validation", "test", "unlabelled"} and len(free) > 1 and not kid.kids:
                self._set(kid, "out", why="is called like a split and holds pictures without labels")
                continue
            self._set(kid, "class")
            parts = [k.name for k in kid.kids if not (words.is_part(k.name) or words.is_container(k.name))]
            if len(parts) > 1 and not kid.files:
                together.append((kid.name, parts))
            if meaning and len(free) > 1:
                text = f"The folder {kid.path!r} was taken as a class, since it stands among other classes. If it is a split, say so in the tree."
                self._note("class_like_split", "warning", f"A class called {kid.name!r}", text)

        if together:
            name, parts = together[0]
            alike = (
                len(together) == len(free) > 1 and len({frozenset(map(words.spelling, p)) for _, p in together}) == 1
            )
            listed = ", ".join(parts[:4]) + (" …" if len(parts) > 4 else "")
            text = f"{name!r} holds folders of its own ({listed}); their pictures were put together as one class. If each of them is a class, say in the tree that {name!r} is to be looked through."
            if alike:  # names in a language that is not known here, or two ways to sort the pictures
                text = f"All {len(free)} classes hold the same folders ({listed}), so these may be the classes as well, and {', '.join(kid.name for kid in free[:4])} parts of the set. If so, say in the tree that they are to be looked through, or which split each is."
            self._note("folders_in_classes", "warning" if alike else "info", "Folders inside a class", text)

    def _note(self, code: str, severity: str, title: str, text: str) -> None:
        self.notes.append(HealthNote(code, severity, title, text))

    def place(self, name: str) -> Place:
        """Return where a picture belongs by the roles of the folders above it."""
        split, label, path = None, None, ""
        for part in name.split("/")[:-1]:
            path = f"{path}/{part}".lstrip("/")
            folder = self.roles.get(path)
            if folder is None:
                continue
            if folder.role == "out":
                return Place(why=f"is left out: the folder {folder.path!r} {folder.why}")
            if folder.role == "class":
                label, split = folder.label, folder.split or split
            elif folder.role in {"train", "validation", "test"}:
                split = folder.role
        return Place(split, label, "" if label else LOOSE)

    def folders(self, tree: _Node) -> tuple[Folder, ...]:
        """Return every folder with pictures, from the top down, and those in a class as part of it."""
        found: list[Folder] = []

        def walk(node: _Node, below: Folder) -> None:
            for kid in node.kids:
                folder = self.roles.get(kid.path) or replace(below, path=kid.path, n=kid.n)
                found.append(folder)
                walk(kid, folder if folder.role == "out" else Folder("", "inside"))

        walk(tree, Folder("", "inside"))
        return tuple(found)


def _meanings(kids: Sequence[_Node]) -> dict[str, str | None]:
    """Return what the names of folders say of splits, also where all carry the name of the set: ``signs_train``, ``signs_test``."""
    pairs = {kid.path: words.split_and_rest(kid.name) for kid in kids}
    found = [pair for pair in pairs.values() if pair]
    shared = len({words.spelling(rest) for _, rest in found}) == 1 and len({split for split, _ in found}) > 1
    return {
        kid.path: words.split_of(kid.name) or (pair[0] if shared and (pair := pairs[kid.path]) else None)
        for kid in kids
    }


def _is_dealt(node: _Node) -> bool:
    return len({words.split_of(kid.name) for kid in node.kids} & {"train", "validation", "test"}) > 1


def _all_files(node: _Node) -> list[int]:
    return node.files + [i for kid in node.kids for i in _all_files(kid)]


def _n_folders(node: _Node) -> int:
    """Return how many folders may be classes below a node, looking through single ones."""
    kids = node.kids
    return _n_folders(kids[0]) if len(kids) == 1 else len(kids)


def _labelled_elsewhere(
    names: Sequence[str], places: list[Place], texts: Mapping[str, str]
) -> tuple[list[Place], list[HealthNote]]:
    """Give the pictures in no class folder the labels that a table or their names give them."""
    loose = [i for i, p in enumerate(places) if not p.label and p.why == LOOSE and is_picture(names[i])]
    known = {p.label for p in places if p.label}
    notes: list[HealthNote] = []
    found = (
        tables.read(texts, [names[i] for i in loose], {words.spelling(k) for k in known if k})
        if loose
        else tables.Found({})
    )
    labels = {loose[i]: pair for i, pair in found.labels.items()}
    spellings = {words.spelling(k) for k in known if k} or {words.spelling(label) for label, _ in labels.values()}
    foreigners = {i: label for i, (label, _) in labels.items() if words.spelling(label) not in spellings}
    labels = {i: pair for i, pair in labels.items() if i not in foreigners}
    if labels:
        notes.append(
            HealthNote(
                "labels_from_table", "info", "Labels from a table", f"{found.said} {len(labels)} pictures have one."
            )
        )
        if found.doubt:
            notes.append(HealthNote("tables_differ", "warning", "Tables that contradict each other", found.doubt))
    elif loose:
        labels = _labels_in_names(names, places, loose, known)
        if labels:
            example = names[next(iter(labels))]
            text = f"No folder names the classes, but the files do: {example.rpartition('/')[2]} was taken for {next(iter(labels.values()))[0]!r}."
            notes.append(HealthNote("labels_from_names", "info", "Labels from file names", text))
    placed = [Place(p.split or labels[i][1], labels[i][0]) if i in labels else p for i, p in enumerate(places)]
    for i, label in foreigners.items():
        placed[i] = Place(why=f"is {label!r} by a table, and no folder is called so")
    notes += _of_no_folder(names, foreigners)
    several = sorted({loose[i] for i in found.several} - set(labels))
    for i in several:
        placed[i] = Place(why=SEVERAL)
    notes += _with_several(names, several, len(labels))
    return placed, notes + _without_labels(names, placed, [i for i in loose if placed[i].why == LOOSE])


def _of_no_folder(names: Sequence[str], labels: Mapping[int, str]) -> list[HealthNote]:
    if not labels:
        return []
    counts = Counter(labels.values())
    listed = ", ".join(f"{n} {label!r}" for label, n in counts.most_common(4)) + (" …" if len(counts) > 4 else "")
    text = f"A table gives them classes that no folder holds pictures of: {listed}. Add folders of these classes, or train without them."
    title = f"{len(labels)} {'picture' if len(labels) == 1 else 'pictures'} of other classes left out"
    return [HealthNote("other_classes", "warning", title, text, tuple(names[i] for i in list(labels)[:200]))]


def _with_several(names: Sequence[str], several: list[int], others: int) -> list[HealthNote]:
    if not several or not others:
        return []
    text = f"A picture belongs to one class here: {len(several)} with more than one label {'is' if len(several) == 1 else 'are'} left out, the other {others} are used."
    title = f"{len(several)} {'picture' if len(several) == 1 else 'pictures'} with several labels left out"
    return [HealthNote("several_labels", "warning", title, text, tuple(names[i] for i in several[:200]))]


def _labels_in_names(
    names: Sequence[str], places: list[Place], loose: list[int], known: set[str]
) -> dict[int, tuple[str, str | None]]:
    parts: dict[str | None, list[int]] = defaultdict(list)
    for i in loose:
        parts[places[i].split].append(i)
    labels: dict[int, tuple[str, str | None]] = {}
    for split in sorted(parts, key=lambda s: (None, "train", "validation", "test").index(s)):
        within = [names[i] for i in parts[split]]
        told = file_labels.labels(within, known)
        told = told if any(told) else file_labels.of_known(within, known)
        for i, label in zip(parts[split], told, strict=True):
            if label:
                labels[i] = label, None
        known = known | {label for label, _ in labels.values()}
    return labels


def _without_labels(names: Sequence[str], places: list[Place], loose: list[int]) -> list[HealthNote]:
    if not loose or not any(p.label for p in places):
        return []
    where = Counter(names[i].rpartition("/")[0] or "no folder" for i in loose)
    listed = ", ".join(f"{n} in {folder}" for folder, n in where.most_common(4)) + (" …" if len(where) > 4 else "")
    text = f"They lie in no class folder, and neither their names nor a table says what they are: {listed}."
    n = len(loose)
    title = f"{n} {'picture' if n == 1 else 'pictures'} without a label left out"
    return [HealthNote("unlabelled", "info", title, text, tuple(names[i] for i in loose[:200]))]


def _called_by_name(places: list[Place], texts: Mapping[str, str]) -> tuple[list[Place], list[HealthNote]]:
    """Call numbered classes as a list beside them does."""
    called, path = class_names.names((p.label for p in places if p.label), texts)
    if not called:
        return places, []
    first = next(iter(called))
    text = f"The classes are numbers or codes, and {path} says what they are called: {first} is {called[first]!r}."
    note = HealthNote("class_names", "info", "Names of the classes from a list", text)
    return [replace(p, label=called[p.label]) if p.label else p for p in places], [note]


def _labelled_by_folder(places: list[Place], texts: Mapping[str, str]) -> tuple[list[Place], list[HealthNote]]:
    """Give the pictures of each folder the class that a table gives the folder; leave out folders that it does not name."""
    label_of, said = folder_labels.read((p.label for p in places if p.label), texts)
    if not label_of:
        return places, []
    text = (
        f"{said} It names folders, not pictures: each may be one person or one case. Where the parts were not given, pictures of one folder "
        "may lie in training and in validation, and validation then says too much."
    )
    note = HealthNote("labels_of_folders", "warning", "The classes are those that a table gives the folders", text)
    unknown = Place(why="lies in a folder that the table does not name")
    told = [replace(p, label=label_of[p.label]) if p.label in label_of else unknown if p.label else p for p in places]
    return told, [note]


def _one_split_is_none(places: list[Place]) -> list[Place]:
    """Forget a split that is the only one with labels: there is nothing that it was kept apart from."""
    if len({p.split for p in places if p.label}) > 1:
        return places
    return [Place(None, p.label) if p.label else p for p in places]


def _one_spelling(places: list[Place]) -> tuple[list[Place], list[HealthNote]]:
    """Put spellings of one class together: Unicode forms always, case and blanks where no split has both (letters may be classes)."""
    plain = [
        Place(p.split, " ".join(unicodedata.normalize("NFC", p.label).split()), p.why) if p.label else p for p in places
    ]
    counts = Counter(p.label for p in plain if p.label)
    by_spelling: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        by_spelling[words.spelling(label)].append(label)
    chosen: dict[str, str] = {}
    notes: list[HealthNote] = []
    for labels in by_spelling.values():
        if len(labels) < 2:
            continue
        homes = [(p.split, p.label) for p in set(plain) if p.label in labels]
        if len({s for s, _ in homes}) < len(homes):
            if min(map(len, labels)) > 2:  # single letters are classes in either case
                notes.append(_alike(labels))
            continue
        most = max(labels, key=lambda label: (counts[label], label))
        chosen |= dict.fromkeys(labels, most)
        listed = " and ".join(repr(label) for label in sorted(labels))
        notes.append(
            HealthNote(
                "spellings",
                "info",
                "Two spellings of one class",
                f"{listed} were taken for one class, written in two ways.",
            )
        )
    return [Place(p.split, chosen.get(p.label, p.label), p.why) if p.label else p for p in plain], notes


def _alike(labels: list[str]) -> HealthNote:
    listed = " and ".join(repr(label) for label in sorted(labels))
    text = f"{listed} differ only in how they are written, and were taken for {len(labels)} classes. If they are one, give their folders one name and upload again."
    return HealthNote("spellings", "warning", "Classes that differ only in spelling", text)


def _empty_classes(reading: _Reading, places: list[Place], names: Sequence[str]) -> list[HealthNote]:
    """Name the folders that stand among the classes and hold no picture."""
    known = {words.spelling(p.label) for p in places if p.label}
    used = {name.rsplit("/", 1)[0] for name in names}
    notes: list[HealthNote] = []
    seen: set[str] = set()
    for kid in (kid for level in reading.class_levels for kid in level.folders.values() if not kid.n):
        name = unicodedata.normalize("NFC", kid.name)
        if (
            words.spelling(name) in known | seen
            or words.is_mask(name)
            or words.is_container(name)
            or words.split_of(name)
        ):
            continue
        seen.add(words.spelling(name))
        empty = not any(folder == kid.path or folder.startswith(f"{kid.path}/") for folder in used)
        text = f"The folder {name} {'is empty' if empty else 'holds no picture'}, so there is no class {name!r}. Add its pictures, or train without it."
        notes.append(
            HealthNote("empty_class", "warning" if empty else "info", f"The class {name!r} has no pictures", text)
        )
    return notes
