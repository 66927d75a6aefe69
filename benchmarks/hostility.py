"""Is whatever strangers send refused in a sentence, and does the page go on meanwhile?

``python -m benchmarks.hostility [--seed 0] [--only KIND] [--every N] [--json FILE]``

Each input goes the way that it goes on the pages: uploads through the throw-away process, experiments through their check, names
through the function that shows them, addresses through a page drawn by Streamlit's own test runner. ``handled_rate`` counts what was
taken or refused in a sentence, ``crashes`` all other exceptions; ``page_growth_mb`` is what this process, which stands for the page's,
holds more at its largest; ``page_silence_s`` the longest time in which another thread of it did not come to a turn.
"""

import argparse
import json
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from benchmarks.hostile import Hostile, all_inputs, good_members
from core import paths, sandbox
from core.data.archive import import_zip
from core.errors import ThawError
from core.experiment import Experiment
from core.histories import read_history
from core.network.backbone import alpha_of

TURN_SECONDS = 0.05
ASKED = ("run", "before", "runs", "rule", "word", "show", "present", "depth", "data", "find", "choose", "pair", "view")


class Watch:
    """Looks at this process from a thread of its own: how much memory it holds, and how long it let nobody else run."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.before = self.largest = self.process.memory_info().rss
        self.silence = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(TURN_SECONDS):
            now = time.monotonic()
            self.silence = max(self.silence, now - last - TURN_SECONDS)
            last = now
            self.largest = max(self.largest, self.process.memory_info().rss)


def upload(item: Hostile, folder: Path) -> None:
    """Upload an archive, or a picture among good ones."""
    target = folder / "upload"
    if item.kind == "image":
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in {**good_members(), f"cat/{item.name}": item.content}.items():
                archive.writestr(name, content)
    else:
        target.write_bytes(item.content)
    sandbox.run(import_zip, target, item.name, limits=sandbox.LARGE, progress=lambda *_: None)


def weights(item: Hostile, folder: Path) -> None:
    """Upload a weights file."""
    target = folder / "weights.h5"
    target.write_bytes(item.content)
    sandbox.run(alpha_of, target, item.name)


def show_name(item: Hostile, _folder: Path) -> None:
    """Show a name on a page, and put it into exported code."""
    import ast

    from core.export.code import TEMPLATES
    from core.words import plain

    name = item.content.decode("utf-8", "surrogatepass")
    plain(name).encode()
    code = TEMPLATES.from_string("x = {{ name }}").render(name=name)
    assert ast.literal_eval(code.removeprefix("x = ")) == name


def open_page(item: Hostile, _folder: Path) -> None:
    """Open a page with a hostile address: everything that any page reads from one is the same hostile text."""
    page = _session()
    page.query_params.update(dict.fromkeys(ASKED, item.content.decode()))
    page.switch_page(f"pages/{item.name}.py").run()
    assert not page.exception, page.exception[0].value
    assert not any("It is number" in error.value for error in page.error), "an error that nobody foresaw"


@cache
def _session() -> Any:
    """Return the page of somebody who has opened every page once, so that what is loaded once is no growth."""
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_file(str(Path(__file__).parents[1] / "app.py"), default_timeout=120).run()
    for path in sorted((Path(__file__).parents[1] / "pages").glob("*.py")):
        page.switch_page(f"pages/{path.name}").run()
    return page


WAYS: dict[str, Callable[[Hostile, Path], object]] = {
    "archive": upload,
    "image": upload,
    "history": lambda item, _: sandbox.run(read_history, item.content, item.name),
    "weights": weights,
    "experiment": lambda item, _: Experiment.from_json(item.content),
    "name": show_name,
    "query": open_page,
}


def outcome(item: Hostile) -> str:
    """Return ``taken``, ``refused: <sentence>`` or ``crash: <exception>``."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            WAYS[item.kind](item, Path(folder))
        except ThawError as error:
            sentence = str(error).strip()
            is_sentence = " " in sentence and sentence.endswith((".", "?", ")", "`"))  # a line to paste may stand last
            return f"refused: {sentence}" if is_sentence else f"crash: no sentence: {sentence}"
        except Exception as error:
            return f"crash: {type(error).__name__}: {error}"
    return "taken"


def main(arguments: list[str] | None = None) -> None:
    """Send everything and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(WAYS))
    parser.add_argument("--every", type=int, default=1, help="send every Nth input only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        import os

        os.environ[paths.DATA_DIR_VARIABLE] = home
        paths.restrict()
        items = [i for i in all_inputs(options.seed) if options.only in (None, i.kind)][:: options.every]
        if any(item.kind == "query" for item in items):
            _session()
        with Watch() as watch:
            outcomes = [outcome(item) for item in items]
    crashes = [(i, o) for i, o in zip(items, outcomes, strict=True) if o.startswith("crash")]
    for item, what in crashes:
        print(f"# {item.kind} {item.name!r}: {what[:300]}")
    figures = {
        "inputs": (len(items), "inputs"),
        "handled_rate": (1 - len(crashes) / len(items), "share"),
        "crashes": (len(crashes), "inputs"),
        "refused": (sum(o.startswith("refused") for o in outcomes), "inputs"),
        "page_growth_mb": ((watch.largest - watch.before) / 1e6, "MB"),
        "page_silence_s": (watch.silence, "s"),
    }
    for name, (value, unit) in figures.items():
        print(f"{name} {value:.4g} {unit}")
    if options.json:
        rows = [(i.kind, i.name, o) for i, o in zip(items, outcomes, strict=True)]
        options.json.write_text(json.dumps({"figures": {k: v for k, (v, _) in figures.items()}, "outcomes": rows}))


if __name__ == "__main__":
    main()
