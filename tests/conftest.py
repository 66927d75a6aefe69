"""What every test shares: a data directory of its own, small real images, and the shared photographs where they are."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["THAW_DATA_DIR"] = tempfile.mkdtemp(prefix="thaw-tests-")  # before anything of core is used
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("THAW_NICENESS", "0")  # beside two other test processes a worker that yields waits for minutes
os.environ.setdefault("THAW_AHEAD", "0")  # the worker of the tests has enough to do; test_ahead turns it on

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from core.errors import EngineError
from core.training.allocator import KEEP_MEMORY
from tests import migrated
from tests.isolation import without_network

# A shell that runs the tests in the background lets them ignore Ctrl+C, and what they start, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.update(KEEP_MEMORY)  # for the processes that pytest-xdist starts: a process reads them when it begins

settings.register_profile(
    "thaw",
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("thaw")
# Files of one process each: the longest begin first, so that the others fill the processes evenly and none is waited for alone.
LONGEST = (
    "e2e/test_journey.py",
    "core/training/test_trainer.py",
    "core/engine/test_engine.py",
    "core/studies/test_trials.py",
    "pages/test_lab.py",
    "core/export/test_export.py",
    "core/diagnosis/test_rules_fire.py",
)
COLOURS = ((200, 60, 50), (50, 90, 200), (60, 170, 80), (220, 190, 60), (150, 70, 180))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first (with ``--no-loadscope-reorder``; xdist would begin with those of most tests)."""
    names = [str(Path(__file__).parent / name) for name in LONGEST]
    items.sort(key=lambda item: names.index(str(item.path)) if str(item.path) in names else len(names))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let each test begin as a notebook does, whatever page was drawn in this process before (fixtures of modules too)."""
    from core import paths

    paths._restricted = False
    migrated.copy_the_first()


@pytest.fixture(scope="session", autouse=True)
def session_data_dir() -> Iterator[Path]:
    """Keep everything the session writes in one folder, and remove it at the end."""
    folder = Path(os.environ["THAW_DATA_DIR"])
    yield folder
    from core.engine import cluster

    cluster._start = _nobody  # pages drawn in this process still look after their queue, and would start it again
    cluster.stop()  # the one worker that all tests share
    shutil.rmtree(folder, ignore_errors=True)


def _nobody(store_uri: str) -> str:
    raise EngineError("The tests are over.")


@pytest.fixture
def fresh_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give one test an empty data directory."""
    folder = tmp_path / "thaw-data"
    monkeypatch.setenv("THAW_DATA_DIR", str(folder))
    return folder


def picture(rng: np.random.Generator, colour: tuple[int, int, int], side: int = 48) -> np.ndarray:
    """Draw one noisy picture in about this colour, unlike any other of the same generator."""
    coarse = np.kron(rng.normal(0, 45, (8, 8, 1)), np.ones((side // 8, side // 8, 1)))
    return np.uint8(np.clip(np.array(colour) + coarse + rng.normal(0, 8, (side, side, 3)), 0, 255))


def write_folder(home: Path, classes: dict[str, int], *, side: int = 48, seed: int = 0) -> Path:
    """Write so many JPEG files a class below ``home``; a class may hold slashes, as in ``train/cat``."""
    rng = np.random.default_rng(seed)
    colours = {
        name: COLOURS[i % len(COLOURS)] for i, name in enumerate(dict.fromkeys(c.split("/")[-1] for c in classes))
    }
    for name, n in classes.items():
        (home / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            Image.fromarray(picture(rng, colours[name.split("/")[-1]], side)).save(
                home / name / f"{i:03}.jpg", quality=90
            )
    return home


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a folder of small real JPEG files: ``make_folder({"cat": 5, "dog": 5}, name="pets")``."""

    def make(classes: dict[str, int], name: str = "images", **options: int) -> Path:
        return write_folder(tmp_path / name, classes, **options)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the shared photographs and weights, or skip where it is not there."""
    folder = Path(os.environ.get("THAW_SHARED") or Path(__file__).resolve().parents[1].parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("the shared photographs are not here (THAW_SHARED names their folder)")
    return folder


@pytest.fixture
def cut_off(tmp_path: Path):
    """Run Python where no network is, with nothing kept from earlier; return what it printed."""
    unset = ("THAW_WEIGHTS_URL", "THAW_SCHEDULER", "MLFLOW_TRACKING_URI")
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    environment |= {"THAW_DATA_DIR": str(tmp_path / "data"), "KERAS_HOME": str(tmp_path / "keras")}

    def run(*arguments: str, enter: Callable[[list[str]], list[str]] = without_network) -> list[str]:
        command = enter([sys.executable, *arguments])
        ended = subprocess.run(
            command,
            cwd=Path(__file__).resolve().parents[1],
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return ended.stdout.splitlines()

    return run
