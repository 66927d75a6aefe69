"""``start.py`` as people meet it: run in a process of its own, in a folder of its own, with real sockets and a real pip."""

import ast
import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent
OUR_SETTINGS = ("PIP_", "STREAMLIT_", "THAW_", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
RUN_AS = "import runpy, sys; sys.version_info = {version}; sys.argv = ['start.py']; runpy.run_path('start.py', run_name='__main__')"


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anything that steers pip, Streamlit or Thaw, plus ``more``."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OUR_SETTINGS)}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"} | more


def run(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of ``start.py`` to its end."""
    return subprocess.run(
        [sys.executable, home / "start.py", *arguments],
        cwd=home,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Check that a command failed with one short paragraph that holds all the parts, and no traceback."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr + result.stdout
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr


def make_home(folder: Path) -> Path:
    """Make a project with nothing in it but ``start.py``, empty requirements and the smallest server."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "start.py", folder)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / name).write_text("# none\n")
    (folder / "server.py").write_text('import streamlit as st\n\nst.title("Here")\n')
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a project that was never set up."""
    return make_home(tmp_path / "project")


@pytest.fixture
def ready(home: Path) -> Path:
    """Return a project that counts as set up: its ``.venv`` borrows this process's packages, and calling pip fails."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / ".venv"], check=True)
    site = next((home / ".venv" / "lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "pip.py").write_text("raise SystemExit('pip was called')\n")
    stamp = {file.name: start.fingerprint(file) for file in home.glob("requirements*.txt")}
    (home / ".venv" / start.STAMP.name).write_text(json.dumps({"python": start.this_python(), **stamp}))
    return home


@pytest.fixture
def outdated(ready: Path) -> Path:
    """Return a project whose requirements have changed to something that no index has, with this process's pip."""
    (ready / "requirements.txt").write_text(f"a-package-of-nobody==1.0 --hash=sha256:{64 * '0'}\n")
    next((ready / ".venv").rglob("pip.py")).unlink()
    return ready


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a socket that listens on a free port of this computer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# --- Python's version ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 14, 0)])
def test_a_wrong_python_is_told_which_ones_are_right(home: Path, version: tuple[int, int, int]):
    result = subprocess.run(
        [sys.executable, "-c", RUN_AS.format(version=version)], cwd=home, capture_output=True, text=True
    )
    assert_one_sentence(result, "needs Python 3.11, 3.12 or 3.13", f"this is Python {version[0]}.{version[1]}.")


def test_old_pythons_can_read_the_file_as_far_as_the_sentence():
    assert ast.parse((ROOT / "start.py").read_text(), feature_version=(3, 6)).body


def test_a_real_old_python_says_the_sentence(home: Path):
    found = [p for p in map(shutil.which, ("python3.7", "python3.8", "python3.9", "python3.10")) if p]
    working = [p for p in found if subprocess.run([p, "-c", ""], capture_output=True).returncode == 0]
    if not working:
        pytest.skip("no Python from 3.7 to 3.10 here")
    for python in working:
        result = subprocess.run([python, "start.py"], cwd=home, capture_output=True, text=True)
        assert_one_sentence(result, "needs Python 3.11, 3.12 or 3.13")


def test_the_project_names_the_same_pythons():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"


# --- What is installed, and when --------------------------------------------------------------------------------------


def set_up_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's ``start`` set up another project."""
    monkeypatch.setattr(start, "ROOT", home)
    monkeypatch.setattr(start, "VENV", home / ".venv")
    monkeypatch.setattr(start, "PYTHON", home / ".venv" / "bin" / "python")
    monkeypatch.setattr(start, "STAMP", home / ".venv" / "stamp.json")
    monkeypatch.setattr(start, "INSTALL_GIGABYTES", 0.0)


def test_setting_up_installs_once_and_again_only_what_changed(home: Path, monkeypatch: pytest.MonkeyPatch):
    files = [home / "requirements.txt", home / "requirements-dev.txt"]
    installed: list[str] = []
    set_up_here(home, monkeypatch)
    real_install = start.install

    def install(file: Path) -> None:
        installed.append(file.name)
        real_install(file)

    monkeypatch.setattr(start, "install", install)
    start.set_up(files[0])
    start.set_up(files[0])
    assert installed == ["requirements.txt"]
    start.set_up(*files)
    assert installed == ["requirements.txt", "requirements-dev.txt"]
    files[0].write_text("# other\n")
    start.set_up(*files)
    assert installed[2:] == ["requirements.txt"]
    start.set_up(*files)
    assert len(installed) == 3


def test_where_the_fast_installer_cannot_be_had_pip_installs(outdated: Path, monkeypatch: pytest.MonkeyPatch):
    (outdated / "requirements.txt").write_text("# none\n")
    set_up_here(outdated, monkeypatch)
    monkeypatch.setattr(start, "MANY_PACKAGES", 0)
    monkeypatch.setattr(start, "FAST_INSTALLER", "an-installer-of-nobody==1.0")
    start.set_up(outdated / "requirements.txt")
    assert "requirements.txt" in start.read_stamp()


@pytest.mark.parametrize("setting", ["PIP_INDEX_URL", "PIP_PROXY"])
def test_an_index_or_proxy_that_only_pip_knows_is_left_to_pip(
    setting: str, outdated: Path, monkeypatch: pytest.MonkeyPatch
):
    set_up_here(outdated, monkeypatch)
    (outdated / ".venv" / "bin" / "uv").write_text("raise SystemExit('uv was called')")
    monkeypatch.setattr(start, "FAST_INSTALLER", "pip")  # it is here already
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv(setting, f"http://127.0.0.1:{free_port()}/")
    assert not start.install_fast(outdated / "requirements.txt")


def test_an_unreachable_package_index_is_one_sentence_and_is_tried_again(outdated: Path):
    index = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", "PIP_RETRIES": "1"}
    for _ in range(2):
        result = run(outdated, "--no-browser", "--port", str(free_port()), **index)
        assert_one_sentence(result, "could not be downloaded", "network", "again")


def test_a_package_that_does_not_exist_is_named_with_the_log(outdated: Path):
    result = run(outdated, "--no-browser", "--port", str(free_port()), PIP_NO_INDEX="1")
    assert_one_sentence(result, "a-package-of-nobody==1.0", "install.log")
    assert "No matching distribution" in (outdated / ".venv" / "install.log").read_text()


def test_a_full_disk_is_one_sentence_before_anything_is_installed(home: Path, tmp_path: Path):
    """A real file system of one megabyte, mounted for this process alone."""
    small = tmp_path / "small"
    small.mkdir()
    script = (
        f'mount -t tmpfs -o size=1m none "{small}" && cp "{home}"/* "{small}" && exec "{sys.executable}" '
        f'"{small}/start.py" --no-browser --port {free_port()}'
    )
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        env=clean_environment(), capture_output=True, text=True,
    )  # fmt: skip
    if "unshare:" in result.stderr or "mount:" in result.stderr:
        pytest.skip("this computer lets no one mount a small file system")
    assert_one_sentence(result, "GB free", "0.00 GB are", "Free some space")


@pytest.mark.parametrize(
    "output", ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"]
)
def test_a_disk_that_fills_while_pip_works_is_told(output: str, tmp_path: Path):
    assert "is full. Free some space" in start.explain_install_failure(output, tmp_path / "install.log")


# --- Port, data folder, server ----------------------------------------------------------------------------------------


def test_a_busy_port_is_one_sentence_with_a_free_one(ready: Path, listener: socket.socket):
    port = listener.getsockname()[1]
    result = run(ready, "--no-browser", "--port", str(port))
    assert_one_sentence(result, f"Port {port} is already in use.")
    offered = re.search(r"--port (\d+)$", result.stderr.strip())
    assert offered
    with socket.create_server(("127.0.0.1", int(offered[1]))):
        pass


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eighty"])
def test_a_port_that_is_none_is_refused(ready: Path, port: str):
    result = run(ready, f"--port={port}")
    assert result.returncode == 2
    assert f"'{port}' is no port; give a number from 1 to 65535" in result.stderr


def test_a_data_folder_that_is_a_file_is_one_sentence(ready: Path):
    result = run(ready, "--no-browser", "--data-dir", str(ready / "server.py"))
    assert_one_sentence(result, str(ready / "server.py"), "--data-dir")


def test_the_app_answers_where_it_is_said_to_be_and_ends_when_asked(ready: Path):
    (ready / "server.py").write_text(
        "import os, pathlib\npathlib.Path('seen').write_text(os.environ['THAW_DATA_DIR'])\n"
    )
    port = free_port()
    command = [sys.executable, "start.py", "--no-browser", "--port", str(port), "--data-dir", "kept/here"]
    with subprocess.Popen(command, cwd=ready, env=clean_environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            address = re.search(r"http://localhost:\d+", said)
            assert address, said
            with urllib.request.urlopen(f"{address[0]}/_stcore/health") as answer:
                assert answer.read() == b"ok"
            busy = run(ready, "--no-browser", "--port", str(port))
            assert_one_sentence(busy, f"Port {port} is already in use", "perhaps Thaw itself", address[0])
        finally:
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Thaw has stopped" in rest
    assert (ready / "kept" / "here").is_dir()
    assert (ready / "kept" / "here").stat().st_mode & 0o777 == 0o700
    assert start.why_unusable(port) == ""


def started(home: Path, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """Start a copy of ``start.py`` and return it with the process of its server, once it says where it is."""
    command = [sys.executable, "start.py", "--no-browser", "--port", str(free_port()), *arguments]
    process = subprocess.Popen(
        command, cwd=home, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "Thaw is at" in process.stdout.readline()
    return process, server_of(process)


def server_of(process: subprocess.Popen[str]) -> int:
    """Return the process that serves pages."""
    import psutil

    return int(psutil.Process(process.pid).children()[0].pid)


def test_a_server_that_dies_is_started_again_and_after_three_times_that_is_said(ready: Path):
    (ready / "server.py").write_text("import os, pathlib\npathlib.Path(f'drawn-{os.getpid()}').touch()\n")
    process, server = started(ready)
    with process:
        assert process.stdout is not None and process.stderr is not None
        for _ in range(start.RESTARTS):
            os.kill(server, signal.SIGKILL)
            assert "is started again" in process.stdout.readline()
            while (again := children_of(process)) in ([], [server]):
                time.sleep(0.02)
            [server] = again
            while not (ready / f"drawn-{server}").exists():  # it looks after the queue also where nobody opens a page
                time.sleep(0.02)
        os.kill(server, signal.SIGKILL)
        said = process.stderr.read()
    assert process.returncode == 1
    assert "4 times within 10 minutes" in said and "server.log" in said


def children_of(process: subprocess.Popen[str]) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(process.pid).children() if child.status() != psutil.STATUS_ZOMBIE]


def test_a_start_command_that_is_killed_leaves_no_server(ready: Path):
    shutil.copy(ROOT / "server.py", ready)
    for name in ("core", "pages", ".streamlit"):
        (ready / name).symlink_to(ROOT / name)
    (ready / "app.py").write_text("import streamlit as st\nst.title('Here')\n")
    process, server = started(ready)
    twice = run(ready, "--no-browser", "--port", str(free_port()))
    assert_one_sentence(twice, "already: open http://localhost:", "--data-dir")
    process.kill()
    process.communicate()
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(server).wait(20)
    assert not psutil.pid_exists(server)


@pytest.mark.parametrize(("system", "expected"), [("posix", "bin/python"), ("nt", "Scripts/python.exe")])
def test_programs_are_found_where_each_system_keeps_them(system: str, expected: str):
    assert start.program("python", system) == start.VENV / expected


def test_workers_are_out_of_reach_of_this_terminals_ctrl_c_on_each_system():
    assert start.detached("posix") == {"start_new_session": True}
    assert start.detached("nt") == {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP if os.name == "nt" else 0x200}


def test_only_names_of_this_computer_reach_the_app(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    assert start.hosts("") == ["localhost", "127.0.0.1", "[::1]"]
    assert start.hosts("thaw.school.example, ") == ["localhost", "127.0.0.1", "[::1]", "thaw.school.example"]
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    assert socket.gethostname() in start.hosts("")


def test_a_server_that_cannot_start_is_told(ready: Path):
    (ready / "server.py").unlink()
    result = run(ready, "--no-browser", "--port", str(free_port()))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "The server ended" in result.stderr and "server.py" in result.stderr, "with what it said last"
    assert "does not exist" in (ready / ".data" / "logs" / "server.log").read_text()


# --- The test command -------------------------------------------------------------------------------------------------


def test_without_chromium_the_tests_are_refused_before_anything_runs(home: Path, tmp_path: Path):
    result = run(home, "test", PATH=str(tmp_path))
    assert_one_sentence(result, "no Chromium was found", "apt install chromium", "--no-browser-tests")
    assert result.stdout == ""
    assert not (home / ".venv").exists()


def test_a_named_chromium_that_is_none_is_refused(home: Path, tmp_path: Path):
    result = run(home, "test", THAW_CHROMIUM=str(tmp_path / "chromium"))
    assert_one_sentence(result, str(tmp_path / "chromium"), "is no program")


SETTINGS = """
[tool.ruff]
extend-exclude = ["start.py"]
lint.select = ["F"]
[tool.mypy]
files = ["app.py"]
[tool.pytest.ini_options]
markers = ["browser"]
[tool.importlinter]
root_package = "house"
[[tool.importlinter.contracts]]
name = "No floor below"
type = "forbidden"
source_modules = ["house"]
forbidden_modules = ["house.cellar"]
as_packages = false
"""
SUITE = """import os

import pytest


@pytest.mark.browser
def test_seen():
    assert os.environ["THAW_CHROMIUM"]


def test_plain():
    assert True


def test_other():
    assert True
"""


def build_house(project: Path, code: str = "") -> None:
    """Make a package with a cellar that it must not import."""
    (project / "house").mkdir()
    (project / "house" / "__init__.py").write_text(code)
    (project / "house" / "cellar.py").write_text("")


@pytest.mark.parametrize(
    ("arguments", "counted"),
    [([], "= 3 passed"), (["--no-browser-tests", "-k", "plain"], "= 1 passed")],
)
def test_the_suite_runs_with_linter_formatter_and_types(ready: Path, arguments: list[str], counted: str):
    (ready / "app.py").write_text('"""Nothing."""\n')
    build_house(ready)
    (ready / "test_it.py").write_text(SUITE)
    (ready / "pyproject.toml").write_text(SETTINGS)
    result = run(ready, "test", *arguments, THAW_CHROMIUM=sys.executable)
    assert result.returncode == 0, result.stdout + result.stderr
    assert counted in result.stdout
    for step in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert f"--- {step}\n" in result.stdout
    assert ("Left out, as --no-browser-tests asks" in result.stdout) == ("--no-browser-tests" in arguments)


def test_what_failed_is_named_and_the_rest_still_runs(ready: Path):
    (ready / "app.py").write_text("import os\nnumber: int = 'text'\n")
    build_house(ready, "from house import cellar as cellar\n")
    (ready / "test_it.py").write_text("def test_it():\n    assert False\n")
    (ready / "pyproject.toml").write_text(SETTINGS)
    result = run(ready, "test", "--no-browser-tests")
    assert_one_sentence(result, "Failed: ruff check, ruff format --check, mypy, lint-imports, pytest.")
    assert "1 failed" in result.stdout


# --- The lists of packages --------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    """Return the pinned version of each package in a requirements file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))


def test_every_package_is_pinned_and_no_index_or_path_is_named():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        without_hashes = re.sub(r"\s--hash=sha256:[0-9a-f]{64}", "", text)
        assert "://" not in text and "--" not in without_hashes and "/" not in text
        packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(packages) == len(pins(name)) and all("--hash=sha256:" in package for package in packages)


def test_both_lists_agree_and_hold_what_was_chosen():
    app, tests = pins("requirements.txt"), pins("requirements-dev.txt")
    assert all(app[name] == version for name, version in tests.items() if name in app)
    assert chosen("requirements.in") <= set(app)
    assert chosen("requirements-dev.in") <= set(tests)


def chosen(name: str) -> set[str]:
    """Return the packages that a ``.in`` file names."""
    lines = (ROOT / name).read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", "-"))}


def imported(*folders: str) -> set[str]:
    """Return the packages that a folder's files import, by the name they are installed under."""
    owners = importlib.metadata.packages_distributions()
    modules: set[str] = set()
    for file in [f for folder in folders for f in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    return {owners[module][0].lower().replace("_", "-") for module in modules if module in owners}


def test_every_package_that_is_imported_was_chosen():
    assert imported("core", "pages") <= chosen("requirements.in")
    assert imported("tests", "tools", "benchmarks") <= chosen("requirements.in") | chosen("requirements-dev.in")


def test_every_chosen_package_has_its_reason():
    table = re.findall(r"^\| ([a-z0-9-]+) \| \w.+ \|$", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    assert chosen("requirements.in") | chosen("requirements-dev.in") <= set(table)
