"""The server that ``start.py`` starts: the pages of ``app.py``, with what belongs around them."""

import json
import logging
import os
import signal
import sys
import threading

import streamlit as st
from filelock import FileLock, Timeout
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import logs, paths

PARENT_VARIABLE = "THAW_ENDS_WITH_STDIN"
LOCK_SECONDS = 10.0  # a server that was just ended may still hold the data directory
# A page fetches nothing from anywhere else, also where somebody's file or run name asks for it, and no other site may frame it.
HEADERS = {
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws: wss: data: blob:; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class Headers:
    """Adds :data:`HEADERS` to every answer."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        await self.app(scope, receive, with_headers)


def end_with_parent() -> None:
    """End this process when whoever started it has ended, however that happened: its end of our standard input is closed then."""

    def wait() -> None:
        sys.stdin.buffer.read()
        logging.getLogger(__name__).warning("start.py has ended; so does the page server.")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def claim() -> FileLock:
    """Return the lock on the data directory, and say in a note where its one server is.

    Raises
    ------
    SystemExit
        When another server has it.
    """
    lock = FileLock(paths.subdir("cache") / "server.lock", mode=0o600)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        sys.exit(
            f"Another server uses the data directory {paths.data_dir()}. End it, or give this one another directory."
        )
    (paths.subdir("cache") / "server.json").write_text(json.dumps({"port": st.get_option("server.port")}))
    return lock


def show(error: Exception) -> bool:
    """Show an error that no page has foreseen."""
    from pages.parts import problem  # only now: the server is to answer before all that pages need is imported

    return problem.show(error)


os.umask(0o077)
logs.set_up("pages")
claimed = claim()
if os.environ.get(PARENT_VARIABLE):
    end_with_parent()
app = st.App("app.py", middleware=[Middleware(Headers)], on_script_error=show)
