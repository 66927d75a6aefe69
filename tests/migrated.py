"""MLflow takes two seconds to make the tables of a database; the tests make some hundred: the first is copied."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

_first = sqlite3.connect(":memory:", check_same_thread=False)
UTILITIES = "mlflow.store.db.utils"


def copy_the_first() -> None:
    """Let MLflow, where it is imported by now, copy the tables it made first in this process."""
    utilities: Any = sys.modules.get(UTILITIES)
    make = getattr(utilities, "_initialize_tables", None)  # not there yet while a thread of a page's imports it
    if make is not None and make.__module__ == UTILITIES:
        utilities._initialize_tables = _copying(make)


def _copying(make: Callable[[Any], None]) -> Callable[[Any], None]:
    def made(engine: Any) -> None:
        empty = not _first.execute("SELECT 1 FROM sqlite_master").fetchone()
        if empty:
            make(engine)
        with closing(sqlite3.connect(engine.url.database)) as database:
            source, target = (database, _first) if empty else (_first, database)
            source.backup(target)

    return made
