"""The border between Thaw and MLflow: what a store raises becomes a sentence, and no call waits for ever."""

import errno
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any

from core.errors import StorageError, StoreError, ThawError

LOCKED_SECONDS = 60.0  # how long another program may hold the database, as a backup does
ANSWER_SECONDS = 5.0  # a tracking server answers within 0.1 s
FILE_SECONDS = 120.0  # a model of some 10 MB
PROBE_SECONDS = 2.0  # between two questions whether a server is back
REMEMBERED = 2000  # answers of a server that are shown while it is away
THREADS = 8
INSIST_SECONDS = 600.0  # how long a finished run is kept in memory while the store is away

READS = {"get_run", "search_runs", "get_metric_history", "get_experiment_by_name", "get_experiment", "list_artifacts"}


class Border:
    """An ``MlflowClient`` whose calls raise :class:`core.errors.ThawError` for whatever is no mistake of the caller.

    Parameters
    ----------
    client
        The client that asks the store.
    uri
        Its address.
    remember
        Whether the last answer is given while a server is away (to pages, which show how old it is) instead of an error.
    """

    def __init__(self, client: Any, uri: str, *, remember: bool = False):
        self._client, self._uri, self._remember = client, uri, remember
        self._server = _Server(uri, client) if is_server(uri) else None
        self._answers: OrderedDict[str, Any] = OrderedDict()

    @property
    def problem(self) -> str:
        """What is wrong with the store and since when, in a sentence; empty where it answers."""
        return self._server.problem if self._server else ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        if not callable(method):
            return method
        server = self._server
        if server is None:
            return lambda *args, **options: waited_out(lambda: method(*args, **options))
        if not (self._remember and name in READS):
            seconds = FILE_SECONDS if "artifact" in name else None
            return lambda *args, **options: server.ask(lambda: method(*args, **options), seconds)
        return lambda *args, **options: self._remembering(lambda: method(*args, **options), repr((args, options, name)))

    def _remembering(self, call: Callable[[], Any], key: str) -> Any:
        assert self._server is not None
        try:
            self._answers[key] = answer = self._server.ask(call)
        except StoreError:
            if key in self._answers:
                return self._answers[key]
            raise
        self._answers.move_to_end(key)
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return answer


class _Server:
    """A tracking server: asked in other threads with a deadline, and left alone while it is known to be away."""

    def __init__(self, uri: str, client: Any):
        self._uri, self._client = uri, client
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._answered = time.monotonic()
        self._away = False
        self._probing = threading.Lock()

    @property
    def problem(self) -> str:
        if not self._away:
            return ""
        age = time.monotonic() - self._answered
        return (
            f"The run store {self._uri} has not answered for {age:.0f} s. What was read before is shown, as old as that; "
            "nothing is lost, and it comes back by itself."
        )

    def ask(self, call: Callable[[], Any], seconds: float | None = None) -> Any:
        if self._away:
            raise StoreError(self.problem)
        try:
            answer = self._threads.submit(translated, call).result(timeout=seconds or ANSWER_SECONDS)
        except (TooLate, StoreError) as error:
            self._begin_probing()
            raise StoreError(self.problem) from error
        self._answered = time.monotonic()
        return answer

    def _begin_probing(self) -> None:
        self._away = True
        if self._probing.acquire(blocking=False):
            threading.Thread(target=self._probe, name="store-probe", daemon=True).start()

    def _probe(self) -> None:
        """Ask until an answer comes."""
        try:
            while self._away:
                time.sleep(PROBE_SECONDS)
                try:
                    translated(lambda: self._client.search_experiments(max_results=1))
                except ThawError:
                    continue
                self._answered, self._away = time.monotonic(), False
        finally:
            self._probing.release()


def is_server(uri: str) -> bool:
    """Tell whether a store is asked over the network."""
    return not uri.startswith(("sqlite:", "file:"))


def waited_out(call: Callable[[], Any], seconds: float = LOCKED_SECONDS) -> Any:
    """Return what a call says, asking again while another program holds the database.

    Raises
    ------
    StorageError, StoreError
        When the disk is full, the database is damaged, or it is still held after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return translated(call)
        except Locked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Locked(StoreError):
    """Another program holds the database."""


def insist(call: Callable[[], Any], seconds: float = INSIST_SECONDS) -> Any:
    """Return what a call says, asking again while the store is away: what a run has cost must not be lost to a pause.

    Raises
    ------
    StoreError
        When it is still away after so many seconds.
    """
    deadline, pause = time.monotonic() + seconds, 0.2
    while True:
        try:
            return call()
        except (StoreError, StorageError):
            if time.monotonic() > deadline:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def translated(call: Callable[[], Any]) -> Any:
    """Return what a call says, with the store's troubles as sentences; what the caller did wrong is raised as it is."""
    try:
        return call()
    except ThawError:
        raise
    except Exception as error:
        if (known := _sentence(error)) is None:
            raise
        raise known from error


def _sentence(error: Exception) -> ThawError | None:
    """Return the error for people, None where it is a mistake of the caller, such as the id of no run."""
    text = str(error)
    if "database is locked" in text or "database table is locked" in text:
        return Locked(
            f"The run store was held by another program for over {LOCKED_SECONDS:.0f} s. End that program (a backup?), then try again."
        )
    if "database or disk is full" in text or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("The disk that keeps the runs is full. Free some space; runs and pages then go on.")
    if "malformed" in text or "file is not a database" in text or "disk I/O error" in text:
        return StoreError(
            "The run store (runs/mlflow.db in the data directory) cannot be read. Start Thaw again: it then mends it or goes on without it."
        )
    if "Can't locate revision" in text or "out-of-date database schema" in text:
        return StoreError(
            "The run store was written by another version of MLflow than the one that is installed, or by a newer Thaw. Update Thaw "
            "(python start.py does it after the update of its files), or start it with another data directory."
        )
    if "readonly database" in text or "unable to open database file" in text:
        return StoreError(
            "The run store (runs/mlflow.db in the data directory) cannot be written. Check who owns the data directory."
        )
    if _is_away(error, text):
        return StoreError(f"The run store does not answer ({type(error).__name__}).")
    return None


def _is_away(error: Exception, text: str) -> bool:
    import requests

    if isinstance(error, (ConnectionError, TimeoutError, requests.exceptions.RequestException)):
        return True
    code = getattr(error, "error_code", "")
    return code == "TEMPORARILY_UNAVAILABLE" or ("API request to" in text and _is_server_side(text))


def _is_server_side(text: str) -> bool:
    signs = (
        "failed with exception",
        "error code 5",
        "error code 429",
        "Max retries",
        "timed out",
        "Connection refused",
    )
    return any(sign in text for sign in signs)
