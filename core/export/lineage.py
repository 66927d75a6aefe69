"""Where a run comes from, as a part of the report: the tree of runs that were changed from one another."""

from collections.abc import Iterable, Iterator

from core.diagnosis.report import title_of
from core.errors import ThawError
from core.export.report import PAGES
from core.figures.tree import gained
from core.runs import Run, RunStore
from core.runs.tree import Node, tree

MOST = 40  # runs that are listed, the newest


def lineage(store: RunStore, run: Run) -> str:
    """Return the runs of one tree as a nested list: what was changed, what that brought, and the verdict.

    Parameters
    ----------
    store
        Holds the runs.
    run
        Any run of the tree; its line is marked.

    Returns
    -------
    str
        HTML without scripts. Empty where the run was changed from none and none from it.
    """
    try:
        family = _family(run, store.list(limit=500))
        nodes = tree(family[:MOST], lambda r: store.evaluation(r.id))
    except ThawError:
        return ""
    if len(nodes) < 2:
        return ""
    rows = [
        {"depth": n.depth, "title": n.run.title, "several": len(n.runs), "change": n.change, "gained": gained(n), "accuracy": n.accuracy,
         "verdict": title_of(n.run.verdict) if n.run.verdict else n.run.status, "this": any(r.id == run.id for r in n.runs), "note": n.run.note}
        for n in _preorder(nodes)
    ]  # fmt: skip
    return PAGES.get_template("lineage.html.j2").render(rows=rows)


def _preorder(nodes: tuple[Node, ...]) -> list[Node]:
    """Return each node right before those that were changed from it."""

    def below(parent: int | None) -> Iterator[Node]:
        for i, node in enumerate(nodes):
            if node.parent == parent:
                yield node
                yield from below(i)

    return list(below(None))


def _family(run: Run, runs: Iterable[Run]) -> list[Run]:
    """Return the runs below the same first one, the newest first; those of trials and sweeps have no place in the tree."""
    by_id = {r.id: r for r in runs if not r.group.startswith(("trial", "sweep", "seeds"))} | {run.id: run}

    def first(r: Run) -> str:
        seen = {r.id}
        while r.baseline_id in by_id and r.baseline_id not in seen:
            r = by_id[r.baseline_id]
            seen.add(r.id)
        return r.id

    return sorted((r for r in by_id.values() if first(r) == first(run)), key=lambda r: r.created, reverse=True)
