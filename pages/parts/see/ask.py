"""Questions to a worker whose answers are kept for all sessions."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import streamlit as st

from core.errors import ThawError
from core.words import plain
from pages.parts import services

LONGEST = 300.0  # seconds: hundreds of large pictures beside a training
AT_ONCE = 8  # questions of all sessions that wait for an answer


@st.cache_resource(show_spinner=False)
def _waiting() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, "see")


@st.cache_resource(show_spinner=False, max_entries=300)
def _asked(name: str, args: tuple, _function: Callable[..., Any]) -> Future:
    engine, uri = services.engine(), services.store().uri
    return _waiting().submit(engine.call, _function, uri, *args, timeout=LONGEST)


def ask(function: Callable[..., Any], *args: Any, doing: str) -> Any:
    """Return what a worker answers to ``function(store_uri, *args)``; None, with the reason shown, where it cannot.

    Whoever goes on to something else meanwhile is not held up, and finds the answer when they come back.

    Parameters
    ----------
    function
        Of ``core.insight``.
    doing
        What the person reads while it is computed.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    answer = _asked(name, args, function)
    if not answer.done():
        with st.spinner(doing):
            place = st.empty()
            while not answer.done():
                time.sleep(0.05)
                place.empty()  # here Streamlit hears that the person has moved on
    if (error := answer.exception()) is None:
        return answer.result()
    st.error(_told(error), icon=":material/error:")
    _asked.clear(name, args, function)  # what failed is asked anew
    st.button("Try again", key=f"again_{name}", icon=":material/refresh:", help="Asks the worker once more")
    return None


def _told(error: BaseException) -> str:
    if isinstance(error, ThawError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "The model or its images are not on this disk any more. Choose another run."
    return f"This could not be computed ({plain(error)}). Try again, or choose another run."
