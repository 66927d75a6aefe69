"""Keeps the SQLite file of the runs alive: checked when it is opened, copied once a day, replaced by a copy when it is damaged."""

import contextlib
import datetime as dt
import sqlite3
import threading
import time
from pathlib import Path

from filelock import FileLock

from core import logs, paths
from core.errors import StoreError

FORMAT = 1  # of the data directory; a number that a newer Thaw raises when this one could not read it any more
BACKUPS_KEPT = 7
HOUR = 3600.0
LOCK_SECONDS = 120.0


def require_readable(home: Path) -> None:
    """Raise :class:`StoreError` where a data directory was made by a newer Thaw; note the format where none is noted."""
    note = home / "format"
    try:
        found = int(note.read_text())
    except FileNotFoundError:
        note.write_text(str(FORMAT))
        return
    except ValueError:  # cut short by a crash: then it was this version that wrote it
        return
    if found > FORMAT:
        raise StoreError(
            f"The data directory {home} was written by a newer version of Thaw (format {found}, this one knows {FORMAT}). "
            "Update Thaw, or start it with another data directory."
        )


def opened(path: Path) -> FileLock:
    """Return the lock under which a database is checked and opened, so that nobody sees it half made."""
    return FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS, mode=0o600)


def check(path: Path) -> None:
    """Put a copy in the place of a damaged database, which is moved aside; :func:`notice` then says so.

    Parameters
    ----------
    path
        The SQLite file; one that does not exist is fine.
    """
    if path.exists() and (what := damage(path)):
        aside = _move_aside(path)
        copy = next((backup for backup in backups(path)[::-1] if not damage(backup)), None)
        if copy:
            _restore(copy, path)
        _note(path, what, aside, copy)


def damage(path: Path) -> str:
    """Return what is wrong with a database, an empty text where nothing is."""
    if path.stat().st_size == 0:
        return "it is empty"
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            connection.execute("SELECT count(*) FROM runs").fetchone()
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) else str(error)  # who holds it can read it
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if said == "ok" else said


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.stem}-damaged-{dt.datetime.now():%Y%m%d-%H%M%S}{path.suffix}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _restore(copy: Path, path: Path) -> None:
    """Put a copy in place; what waited or trained when it was made has ended since."""
    partial = paths.partial(path)
    partial.write_bytes(copy.read_bytes())
    with contextlib.closing(sqlite3.connect(partial)) as connection, connection:
        connection.execute(
            "UPDATE tags SET value = 'stopped' WHERE key = 'thaw_status' AND value IN ('queued', 'running')"
        )
    partial.replace(path)


def _note(path: Path, what: str, aside: Path, copy: Path | None) -> None:
    back = (
        f"The runs of its copy of {copy.stem.removeprefix(path.stem + '-')} are back; later ones are missing from the list."
        if copy
        else "There was no copy of it, so the list of runs begins anew."
    )
    text = f"The list of runs was damaged ({what}). It was moved aside to {aside.name} in the folder runs of the data directory. {back}"
    path.with_name("notice").write_text(text)
    logs.warn(text)


def notice(path: Path) -> str:
    """Return what people must know about the database, until :func:`dismiss` is called."""
    try:
        return path.with_name("notice").read_text()
    except OSError:
        return ""


def dismiss(path: Path) -> None:
    """Take the notice as read."""
    path.with_name("notice").unlink(missing_ok=True)


def backups(path: Path) -> list[Path]:
    """Return the copies of a database, the oldest first."""
    return sorted((path.parent / "backups").glob(f"{path.stem}-*{path.suffix}"))


def back_up(path: Path, day: dt.date) -> bool:
    """Copy a database once a day and return whether that was done now; the latest seven copies are kept."""
    target = path.parent / "backups" / f"{path.stem}-{day:%Y-%m-%d}{path.suffix}"
    if target.exists() or not path.exists() or damage(path):
        return False
    target.parent.mkdir(exist_ok=True)
    partial = paths.partial(target)
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
        connection.execute("VACUUM INTO ?", [str(partial)])
    partial.replace(target)
    for old in backups(path)[:-BACKUPS_KEPT]:
        old.unlink(missing_ok=True)
    return True


def back_up_daily(path: Path) -> None:
    """Copy a database now and every day for as long as this process lives, in a thread of its own."""

    def work() -> None:
        while True:
            try:
                back_up(path, dt.date.today())
            except (OSError, sqlite3.Error) as error:  # a full disk: the next hour may have room
                logs.warn(f"The list of runs could not be copied: {error}")
            time.sleep(HOUR)

    threading.Thread(target=work, name="backup", daemon=True).start()
