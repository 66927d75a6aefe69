"""What the tail of the network takes: activations at the frontier, computed once, or pixels where nothing is frozen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from core.data import Dataset, Split
from core.experiment import Experiment, view_seed
from core.network import backbone
from core.network.augmentation import Augmenter
from core.training import activations, known
from core.training.activations import Activations
from core.training.events import Events, Stopped
from core.training.program import Program

BLOCK = 64  # images that go through the frozen part together
KEY_VERSION = 2  # of what the frozen part computes: raise it, and no older activations are found


@dataclass
class Inputs:
    """What the tail takes.

    Attributes
    ----------
    splits
        Activations of each split's images by its name.
    views
        Activations of the training images' augmented views, where there is a bank of them.
    augmenter
        Draws views anew in every epoch, where that is asked for.
    computed
        Images that had to go through the frozen part, because their activations were not known.
    """

    program: Program
    train: Split
    splits: dict[str, Activations]
    views: list[Activations] = field(default_factory=list)
    augmenter: Augmenter | None = None
    computed: int = 0

    def batch(self, rows: np.ndarray, chosen: np.ndarray) -> list[np.ndarray]:
        """Return what the tail takes of some training images in training.

        Parameters
        ----------
        rows
            Positions in the training split.
        chosen
            Which view each image of the split shows, int of shape (n_train,).
        """
        if self.augmenter:
            return self.program.run_prefix(self.augmenter(_pixels(self.train, rows)))
        if not self.views:
            return self.splits["train"].rows(rows)
        mixed = [np.empty((len(rows), *shape), np.float32) for shape in self.program.cut_shapes]
        for view in np.unique(chosen[rows]):
            here = chosen[rows] == view
            for array, values in zip(mixed, self.views[view].rows(rows[here]), strict=True):
                array[here] = values
        return mixed

    @property
    def kept(self) -> list[Activations]:
        """What lies on disk."""
        return [*self.splits.values(), *self.views] if self.program.frontier.cached else []


FeaturesOf = Callable[[Program, Split, int | None, Events], Activations]


def at_frontier(program: Program, dataset: Dataset, events: Events, features: FeaturesOf | None = None) -> Inputs:
    """Return what the tail takes of every image, computing what is not known yet.

    Parameters
    ----------
    program
        Network and settings.
    dataset
        Images at the network's size.
    events
        Is told how far it is.
    features
        Gives what the tail takes of a split or of one augmented view of it; :func:`activations_of` by default.

    Raises
    ------
    Stopped
        When ``events`` tells of a stop meanwhile.
    """
    features = features or activations_of
    x = program.experiment
    spec = x.augmentation
    bank = range(spec.views) if spec.active else ()
    splits = {name: features(program, split, None, events) for name, split in dataset.splits.items()}
    views = [features(program, dataset.train, view, events) for view in bank]
    fresh = Augmenter(spec, view_seed(spec, x.training.seed, 0)) if spec.active and not spec.views else None
    sizes = [*(len(split) for split in dataset.splits.values()), *(len(dataset.train) for _ in views)]
    computed = sum(n for n, made in zip(sizes, [*splits.values(), *views], strict=True) if not made.reused)
    if program.frontier.cached and features is activations_of:
        every = [(split, None) for split in dataset.splits.values()] + [(dataset.train, view) for view in bank]
        known.note(x, [_key(program, split, view) for split, view in every])
    return Inputs(program, dataset.train, splits, views, fresh, computed)


def activations_of(program: Program, split: Split, view: int | None, events: Events) -> Activations:
    """Return what the tail takes of a split, or of one augmented view of it."""
    if not program.frontier.cached and view is None:
        return Activations((_Rows(split),), reused=True)  # type: ignore[arg-type]  # indexed alike
    shapes = [(len(split), *shape) for shape in program.cut_shapes]
    return activations.get_or_compute(_key(program, split, view), shapes, lambda: _blocks(program, split, view, events))


def _key(program: Program, split: Split, view: int | None) -> str:
    """Return the name of what the frozen part makes of a split: everything that it depends on."""
    x, line = program.experiment, program.frontier
    steps = [s.model_dump() for s in x.augmentation.active] if view is not None else []
    return activations.key_of(
        KEY_VERSION,
        x.training.mixed_precision,
        split.fingerprint,
        backbone.fingerprint(x.backbone, x.training.seed) if line.cached else "",
        line.cut if line.cached else (),
        x.head.pooling if line.pooled else "",
        steps,
        view,
        x.training.seed if steps else 0,
        *_moved_before(program),
    )


def _moved_before(program: Program) -> list[str]:
    """Return what names the frozen part's weights where an earlier stage changed them; nothing where they are the pretrained ones."""
    x = program.experiment
    moved = any(at < program.frontier.position for stage in x.earlier for at in stage.freeze.thawed)
    return [x.start.id] if moved and x.start else []


def _blocks(program: Program, split: Split, view: int | None, events: Events) -> Iterator[list[np.ndarray]]:
    change, done = _view_maker(program.experiment, view), 0

    def stop_if_asked() -> None:
        if events.stop_requested():
            raise Stopped

    for images in split.batches(BLOCK):
        yield program.run_prefix(change(images) if change else images.astype(np.float32), stop_if_asked)
        done += len(images)
        epochs = program.experiment.training.epochs
        events.progress(epoch=0, epochs=epochs, batch=done, batches=len(split), seconds_left=None)


def _view_maker(x: Experiment, view: int | None) -> Augmenter | None:
    return None if view is None else Augmenter(x.augmentation, view_seed(x.augmentation, x.training.seed, view))


def _pixels(split: Split, rows: np.ndarray) -> np.ndarray:
    return np.asarray(split.source[split.indices[rows]])


class _Rows:
    """A split's pixels, indexed like an array of activations."""

    def __init__(self, split: Split):
        self.split, self.nbytes = split, 0

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return _pixels(self.split, rows).astype(np.float32)
