"""Set Thaw up and start it (``python start.py``), or run all its tests (``python start.py test``).

Needs nothing but Python. Everything it installs goes into ``.venv`` beside this file, which is safe to delete.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):  # before anything an older Python cannot read
    sys.exit(
        "Thaw needs Python 3.11, 3.12 or 3.13, and this is Python {}.{}. "
        "Run the same command with one of those, for example: python3.13 start.py".format(*sys.version_info)
    )

import argparse
import errno
import hashlib
import json
import logging.handlers
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"


def program(name: str, system: str = os.name) -> Path:
    """Return where ``.venv`` keeps a program."""
    return VENV / "Scripts" / f"{name}.exe" if system == "nt" else VENV / "bin" / name


PYTHON = program("python")
STAMP = VENV / "thaw-installed.json"

APP_REQUIREMENTS = ROOT / "requirements.txt"
TEST_REQUIREMENTS = ROOT / "requirements-dev.txt"

# Downloads, unpacks and compiles side by side: measured, all packages in 43 s where pip takes 149 (2 cores).
FAST_INSTALLER = "uv==0.13.9"
MANY_PACKAGES = 10  # for fewer, fetching the fast installer is not worth it
PIP_ALONE_KNOWS = ("index-url", "no-index", "proxy", "client-cert", "trusted-host")

DEFAULT_PORT = 8501
TEST_PROCESSES = str(max(2, min(4, os.cpu_count() or 1)))  # with one more they only disturb each other
START_SECONDS = 60.0
RESTARTS, RESTART_SECONDS = 3, 600.0  # how often a server that died is started again, and within what time
LINGER_SECONDS = 20.0  # how long idle workers outlive a server that is gone: a new one finds them warm
LOG_BYTES, LOGS_KEPT = 2_000_000, 5
INSTALL_GIGABYTES = 4.0  # what a fresh .venv takes (3.3), and the largest package while it is unpacked
DATA_GIGABYTES = 0.1

CHROMIUM_VARIABLE = "THAW_CHROMIUM"
CHROMIUM_NAMES = (
    "chromium",
    "chrome",
    "msedge",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)

NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Max retries exceeded",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Connection refused",
    "Read timed out",
)


class StartError(Exception):
    """Something people can put right; the message is one sentence or two that say how."""


# --- Setting up ------------------------------------------------------------------------------------------------------


def set_up(*requirements: Path) -> None:
    """Make ``.venv`` and install the given files into it; do nothing where that was done before.

    Parameters
    ----------
    requirements
        Files of pinned packages.

    Raises
    ------
    StartError
        When the environment cannot be made or a package cannot be installed.
    """
    installed = read_stamp()
    changed = [file for file in requirements if installed.get(file.name) != fingerprint(file)]
    if not changed and PYTHON.exists():
        return
    if APP_REQUIREMENTS.name not in installed:
        require_space(ROOT, INSTALL_GIGABYTES, "Installing Thaw's packages")
    if installed.get("python", this_python()) != this_python() or not has_pip():
        make_environment()
        installed, changed = {}, list(requirements)
    for file in changed:
        install(file)
        installed |= {"python": this_python(), file.name: fingerprint(file)}
        STAMP.write_text(json.dumps(installed, indent=1))


def this_python() -> str:
    """Return the running Python's version as ``major.minor``: an environment serves only the version that made it."""
    return "{}.{}".format(*sys.version_info)


def fingerprint(file: Path) -> str:
    """Return the SHA-256 of a requirements file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_stamp() -> dict[str, str]:
    """Return what was installed before: the fingerprint of each requirements file, and ``python``; empty if nothing was."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def has_pip() -> bool:
    """Return whether ``.venv`` holds a Python that works and can install."""
    return PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0


def make_environment() -> None:
    """Make ``.venv`` anew."""
    print(f"Making {VENV} with Python {this_python()} ...", flush=True)
    result = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if result.returncode:
        raise StartError(explain_environment_failure(result.stdout + result.stderr))


def explain_environment_failure(output: str) -> str:
    """Return what to do about a virtual environment that could not be made, given what ``venv`` printed."""
    if is_disk_full(output):
        return full_disk(ROOT)
    if "ensurepip" in output:
        return (
            f"This Python cannot make a virtual environment, because its venv package is missing. "
            f"Install it (Debian and Ubuntu: sudo apt install python{this_python()}-venv), then run the same command again."
        )
    return f"The virtual environment {VENV} could not be made: {last_line(output)}"


def install(file: Path) -> None:
    """Install one file of pinned packages: with uv where that can be had, else with pip, which says best what is wrong."""
    total = sum(1 for line in file.read_text().splitlines() if "==" in line)
    print(f"Installing {total} packages of {file.name}; this is done once and may take minutes ...", flush=True)
    if total < MANY_PACKAGES or not install_fast(file):
        install_with_pip(file, total)


def install_fast(file: Path) -> bool:
    """Install with uv and return whether that succeeded."""
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    settings = subprocess.run([*pip, "config", "list"], capture_output=True, text=True).stdout
    if any(f".{name}=" in settings for name in PIP_ALONE_KNOWS):
        return False
    cache = VENV / "uv-cache"  # on the disk of .venv, so that files are linked and not copied
    uv = [str(program("uv")), "pip", "install", "--python", str(PYTHON), "--cache-dir", str(cache)]
    show("  fetching the installer ...")
    try:
        fetched = subprocess.run([*pip, "install", "--retries", "0", FAST_INSTALLER], capture_output=True)
        if fetched.returncode:
            return False
        said = None if sys.stdout.isatty() else subprocess.DEVNULL
        return (
            subprocess.run(
                [*uv, "--compile-bytecode", "--require-hashes", "-r", str(file)], cwd=ROOT, stdout=said, stderr=said
            ).returncode
            == 0
        )
    finally:
        show("")
        shutil.rmtree(cache, ignore_errors=True)


def install_with_pip(file: Path, total: int) -> None:
    """Install with pip, showing how far it is."""
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--require-hashes",
        "-r",
        str(file),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        output = follow(pip.stdout, total)
    if pip.returncode:
        log = VENV / "install.log"
        log.write_text(output)
        raise StartError(explain_install_failure(output, log))


def follow(lines: IO[str], total: int) -> str:
    """Return all that pip prints, showing on a terminal which package it is at."""
    output, done = [], 0
    for line in lines:
        output.append(line)
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            done = min(done + 1, total)
            show(f"  {done} of {total}: {line.split(': ')[-1].removeprefix('Collecting ').split()[0]}")
        elif line.startswith("Installing collected packages"):
            show("  unpacking ...")
    show("")
    return "".join(output)


def show(text: str) -> None:
    """Replace the terminal's current line; elsewhere print nothing."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text[:100]}", end="", flush=True)


def explain_install_failure(output: str, log: Path) -> str:
    """Return what to do about a failed installation, given what pip printed.

    Parameters
    ----------
    output
        Everything pip printed.
    log
        Where that is kept, for causes not known here.
    """
    if is_disk_full(output):
        return full_disk(ROOT)
    if any(sign in output for sign in NO_NETWORK):
        return (
            "The packages could not be downloaded, because the package index cannot be reached. "
            "Connect this computer to the network (or set the proxy), then run the same command again."
        )
    if "No matching distribution found" in output:
        return (
            f"A package has no build for this computer with Python {this_python()} ({last_error(output)}). "
            f"Another Python from 3.11 to 3.13 may have one. All that pip said is in {log}."
        )
    return f"The packages could not be installed ({last_error(output)}). All that pip said is in {log}."


def is_disk_full(text: str) -> bool:
    """Return whether a program's output tells of a full disk."""
    return any(sign in text for sign in ("No space left on device", "Errno 28", "Disk quota exceeded"))


def full_disk(folder: Path) -> str:
    """Return what to say when a disk is full."""
    return f"The disk that holds {folder} is full. Free some space, then run the same command again."


def require_space(folder: Path, gigabytes: float, purpose: str) -> None:
    """Raise :class:`StartError` where a disk has less free space than needed.

    Parameters
    ----------
    folder
        A folder on that disk.
    gigabytes
        What is needed, in 10⁹ bytes.
    purpose
        Begins the sentence, as in "Installing".
    """
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise StartError(
            f"{purpose} needs {gigabytes:g} GB free on the disk that holds {folder}, and {free:.2f} GB are. "
            f"Free some space, then run the same command again."
        )


def last_line(output: str) -> str:
    """Return the last line with text in it."""
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "it gave no reason")


def last_error(output: str) -> str:
    """Return pip's last line that begins with ``ERROR:``, or else its last line."""
    errors = [line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.startswith("ERROR:")]
    return errors[-1] if errors else last_line(output)


# --- The app ---------------------------------------------------------------------------------------------------------


def run_app(arguments: list[str]) -> int:
    """Start the app, say where it is once it answers, and wait until it ends."""
    options = app_parser().parse_args(arguments)
    os.umask(0o077)  # whatever is written from here on is for this user only
    home = prepare_data_dir(options.data_dir or Path(os.environ.get("THAW_DATA_DIR") or ROOT / ".data"))
    environment = {**os.environ, "THAW_DATA_DIR": str(home), "THAW_ENDS_WITH_STDIN": "1"}
    if not options.keep_training:
        environment.setdefault("THAW_LINGER_SECONDS", str(LINGER_SECONDS))
    require_free_data(home)
    require_free_port(options.port)
    set_up(APP_REQUIREMENTS)
    return serve(
        options.port, home, environment, open_browser=not options.no_browser, keep_training=options.keep_training
    )


def app_parser() -> argparse.ArgumentParser:
    """Return the parser of ``python start.py``."""
    parser = argparse.ArgumentParser(
        prog="start.py", allow_abbrev=False, description="Start Thaw; the first time, install what it needs into .venv.",
        epilog="python start.py test runs all tests; python start.py test --help says more.",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=port_number, default=DEFAULT_PORT, help=f"where to listen (default {DEFAULT_PORT})"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--data-dir", type=Path, help="folder for runs, images and weights (default .data)")
    parser.add_argument(
        "--keep-training", action="store_true", help="leave the workers running after Ctrl+C, with the runs that wait"
    )
    return parser


def port_number(text: str) -> int:
    """Return a TCP port given on the command line."""
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def prepare_data_dir(folder: Path) -> Path:
    """Return the data folder's absolute path after making it and writing to it."""
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.environ.get("THAW_SHARED_DATA") != "1":
            folder.chmod(0o700)
        probe = folder / f".start-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"The data folder {folder} cannot be used ({error.strerror}). "
            "Give --data-dir a folder that you may write to, on a disk with space."
        ) from error
    require_space(folder, DATA_GIGABYTES, "Keeping runs")
    return folder


def address() -> str:
    """Return the address to listen on: this computer only, unless ``$STREAMLIT_SERVER_ADDRESS`` says otherwise."""
    return os.environ.get("STREAMLIT_SERVER_ADDRESS") or "127.0.0.1"


def url(port: int) -> str:
    """Return where a browser on this computer finds the app."""
    everywhere = ("127.0.0.1", "0.0.0.0", "::")
    return f"http://{'localhost' if address() in everywhere else address()}:{port}"


def hosts(given: str) -> list[str]:
    """Return the names under which browsers may reach the app: a page of another site that has its name point here may not.

    Parameters
    ----------
    given
        More names, separated by commas (``$THAW_HOSTS``), for example of a proxy in front.
    """
    names = ["localhost", "127.0.0.1", "[::1]", *filter(None, (name.strip() for name in given.split(",")))]
    if address() not in ("127.0.0.1", "::1", "localhost"):
        own = socket.gethostname()
        names += [own, socket.getfqdn(), address(), *addresses_of(own)]
    return list(dict.fromkeys(names))


def addresses_of(name: str) -> list[str]:
    """Return the network addresses of a computer, nothing where it does not know its own name."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None)})
    except OSError:
        return []


def require_free_data(home: Path) -> None:
    """Raise :class:`StartError` where another server uses a data folder, saying where it is."""
    try:
        port = int(json.loads((home / "cache" / "server.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if is_healthy(port):
        raise StartError(
            f"Thaw runs on the data folder {home} already: open {url(port)}. "
            "For a second one give another folder: python start.py --data-dir FOLDER --port PORT"
        )


def require_free_port(port: int) -> None:
    """Raise :class:`StartError` where the app could not listen on a port, offering one where it could."""
    reason = why_unusable(port)
    if not reason:
        return
    who = f" by a Streamlit app, perhaps Thaw itself: open {url(port)} to see" if is_healthy(port) else ""
    free = next((p for p in range(max(port, 1024) + 1, 65536) if not why_unusable(p)), 0)
    raise StartError(f"Port {port} {reason}{who}. To use another one: python start.py --port {free}")


def why_unusable(port: int) -> str:
    """Return why a port cannot be listened on, or an empty text where it can."""
    with socket.socket() as client:  # macOS lets a second program bind a port that another one answers on
        client.settimeout(1)
        if client.connect_ex(("127.0.0.1", port)) == 0:
            return "is already in use"
    with socket.socket(socket.AF_INET6 if ":" in address() else socket.AF_INET) as server:
        if os.name != "nt":  # there it would let two programs share a port
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((address(), port))
        except PermissionError:
            return "is reserved for the administrator"
        except OSError as error:
            return "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return ""


def is_healthy(port: int) -> bool:
    """Return whether a Streamlit server answers on a port."""
    return ask(port, "health", timeout=1) == b"ok"


def ask(port: int, what: str, timeout: float) -> bytes:
    """Return what a Streamlit server on this computer answers, nothing where there is none; no proxy is asked."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url(port)}/_stcore/{what}", timeout=timeout) as answer:
            return bytes(answer.read())
    except (OSError, ValueError):
        return b""


def serve(port: int, home: Path, environment: dict[str, str], *, open_browser: bool, keep_training: bool) -> int:
    """Keep the server running until Ctrl+C is pressed; then end the workers too, unless they are to go on training."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = server_log(home)
    server = start_server(port, environment, log)
    try:
        wait_until_healthy(server, port, log)
        print(f"Thaw is at {url(port)} (Ctrl+C stops it)", flush=True)
        if open_browser and has_display():
            webbrowser.open(url(port))
        deaths: list[float] = []
        while True:
            server = after_death(server, server.wait(), deaths, port, environment, log)
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        end(server)
        if not keep_training:
            end_training(home, environment)
        print("Thaw has stopped. Runs are kept.", flush=True)
        return 0
    finally:
        end(server)


def server_log(home: Path) -> logging.Logger:
    """Return where the server's output is kept: ``logs/server.log`` in the data folder, which begins anew every 2 MB."""
    folder = home / "logs"
    folder.mkdir(exist_ok=True)
    log = logging.getLogger("server")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers = [
        logging.handlers.RotatingFileHandler(
            folder / "server.log", maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8", delay=True
        )
    ]
    return log


def log_file(log: logging.Logger) -> str:
    """Return the path of a log."""
    return str(getattr(log.handlers[0], "baseFilename", ""))


def start_server(port: int, environment: dict[str, str], log: logging.Logger) -> subprocess.Popen[str]:
    """Start the server; it ends when this process does, whose end of its standard input is closed then."""
    command = [str(PYTHON), "-m", "streamlit", "run", "server.py", "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.address", address(), "--server.scriptHealthCheckEnabled", "true"]
    command += [part for name in hosts(os.environ.get("THAW_HOSTS", "")) for part in ("--server.allowedHosts", name)]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, errors="replace",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert server.stdout is not None
    threading.Thread(target=keep_output, args=(server.stdout, log), daemon=True).start()
    threading.Thread(target=draw_first_page, args=(server, port), daemon=True).start()
    return server


def draw_first_page(server: subprocess.Popen[str], port: int) -> None:
    """Have the first page drawn as soon as a server answers, so that what it imports is there when a browser has loaded itself.

    With it the server begins to look after the workers and the queue, also where it was started again and nobody has a page open.
    """
    while server.poll() is None:
        if is_healthy(port):
            ask(port, "script-health-check", START_SECONDS)
            return
        time.sleep(0.05)


def keep_output(lines: IO[str], log: logging.Logger) -> None:
    """Write all that a server prints into its log."""
    for line in lines:
        log.info("%s %s", time.strftime("%Y-%m-%d %H:%M:%S"), line.rstrip())


def after_death(
    server: subprocess.Popen[str],
    status: int,
    deaths: list[float],
    port: int,
    environment: dict[str, str],
    log: logging.Logger,
) -> subprocess.Popen[str]:
    """Return a new server in the place of one that died; raise :class:`StartError` where that happens again and again."""
    now = time.monotonic()
    deaths[:] = [moment for moment in deaths if now - moment < RESTART_SECONDS] + [now]
    if len(deaths) > RESTARTS:
        raise StartError(
            f"The server ended by itself {len(deaths)} times within {RESTART_SECONDS / 60:.0f} minutes, the last time with "
            f"status {status}. Runs are kept; {log_file(log)} says why it ended."
        )
    print(
        f"The server ended by itself with status {status}; it is started again. {log_file(log)} says why.", flush=True
    )
    return start_server(port, environment, log)


def end_training(home: Path, environment: dict[str, str]) -> None:
    """End the workers, after the run that they are at; Ctrl+C once more ends them at once."""
    if not (home / "cache" / "cluster" / "cluster.json").exists():
        return
    command = [str(PYTHON), "-m", "core.engine", "end"]
    ending = subprocess.Popen(command, cwd=ROOT, env=environment, **detached())
    try:
        ending.wait()
    except KeyboardInterrupt:
        ending.kill()
        print("\nEnding the run, too; its curves so far are kept.", flush=True)
        subprocess.run([*command, "--now"], cwd=ROOT, env=environment, check=False, **detached())


def detached(system: str = os.name) -> dict[str, Any]:
    """Return how a program is started that Ctrl+C in this terminal does not end."""
    return {"creationflags": 0x200} if system == "nt" else {"start_new_session": True}  # CREATE_NEW_PROCESS_GROUP


def wait_until_healthy(server: subprocess.Popen[str], port: int, log: logging.Logger) -> None:
    """Return once the server answers; raise :class:`StartError` where it ends first or takes over a minute."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise StartError(f"The server ended with status {server.returncode}: {last_words(log)} ({log_file(log)})")
        if is_healthy(port):
            return
        time.sleep(0.05)
    raise StartError(f"The server did not answer at {url(port)} within {START_SECONDS:.0f} s; try again.")


def last_words(log: logging.Logger) -> str:
    """Return the last line that a server printed."""
    time.sleep(0.2)  # for what is still on its way from the pipe
    try:
        lines = Path(log_file(log)).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return last_line("\n".join(line[20:] for line in lines))


def has_display() -> bool:
    """Return whether a browser window can open here."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def end(server: subprocess.Popen[str]) -> None:
    """End the server, asking first."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


# --- The tests -------------------------------------------------------------------------------------------------------


def run_tests(arguments: list[str]) -> int:
    """Run the linter, the formatter's check, the type checker, the check of imports and all tests; return 1 where one of them fails."""
    options, pytest_arguments = parser_of_tests().parse_known_args(arguments)
    environment = dict(os.environ)
    if options.no_browser_tests:
        pytest_arguments += ["-m", "not browser"]
    else:
        environment[CHROMIUM_VARIABLE] = find_chromium()
    set_up(APP_REQUIREMENTS, TEST_REQUIREMENTS)
    steps = {
        "ruff check": ["-m", "ruff", "check", "."],
        "ruff format --check": ["-m", "ruff", "format", "--check", "."],
        "mypy": ["-m", "mypy"],
        "lint-imports": ["-c", "from importlinter.cli import lint_imports_command as check; check()"],
        "pytest": [
            "-m",
            "pytest",
            "-n",
            TEST_PROCESSES,
            "--dist",
            "loadfile",
            "--no-loadscope-reorder",
            *pytest_arguments,
        ],
    }
    failed = [title for title, command in steps.items() if not passes(title, command, environment)]
    if options.no_browser_tests:
        print("Left out, as --no-browser-tests asks: the tests that drive a real browser.", flush=True)
    if failed:
        raise StartError(f"Failed: {', '.join(failed)}.")
    return 0


def parser_of_tests() -> argparse.ArgumentParser:
    """Return the parser of ``python start.py test``."""
    parser = argparse.ArgumentParser(
        prog="start.py test", allow_abbrev=False, usage="start.py test [--no-browser-tests] [pytest's arguments]",
        description="Run linters, type checker and all tests. Further arguments go to pytest, as in: start.py test -k layers",
    )  # fmt: skip
    parser.add_argument("--no-browser-tests", action="store_true", help="leave out the tests that need Chromium")
    return parser


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome: ``$THAW_CHROMIUM``, or the first one found."""
    given = os.environ.get(CHROMIUM_VARIABLE)
    found = [path for path in map(shutil.which, [given] if given else CHROMIUM_NAMES) if path]
    if found:
        return found[0]
    missing = f"{CHROMIUM_VARIABLE}={given} is no program" if given else "no Chromium was found"
    raise StartError(
        f"The browser tests need Chromium, and {missing}. Install it (Debian: sudo apt install chromium; macOS: "
        f"brew install --cask google-chrome) or set {CHROMIUM_VARIABLE} to its path; "
        "only python start.py test --no-browser-tests runs without."
    )


def passes(title: str, command: list[str], environment: dict[str, str]) -> bool:
    """Run ``.venv``'s Python below a headline and return whether it succeeded."""
    print(f"\n--- {title}", flush=True)
    return subprocess.run([PYTHON, *command], cwd=ROOT, env=environment).returncode == 0


def main(arguments: list[str]) -> int:
    """Do what the command line asks and return the exit status."""
    try:
        return run_tests(arguments[1:]) if arguments[:1] == ["test"] else run_app(arguments)
    except StartError as error:
        return complain(str(error))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return complain(full_disk(ROOT))
        return complain(f"{error.strerror or error}: {error.filename or ROOT}. Put that right, then try again.")
    except KeyboardInterrupt:
        return complain("\nStopped.", status=130)


def complain(sentence: str, status: int = 1) -> int:
    """Print a sentence where errors go and return the exit status."""
    print(sentence, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
