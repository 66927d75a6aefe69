"""Questions to a worker whose answers are kept for all sessions."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.errors import ThawError
from pages.parts import services

LONGEST = 300.0  # seconds: hundreds of large pictures beside a training


@st.cache_resource(show_spinner=False, max_entries=300)
def _asked(name: str, args: tuple, _function: Callable[..., Any]) -> Any:
    return services.engine().call(_function, services.store().uri, *args, timeout=LONGEST)


def ask(function: Callable[..., Any], *args: Any, doing: str | None) -> Any:
    """Return what a worker answers to ``function(store_uri, *args)``; None, with the reason shown, where it cannot.

    Parameters
    ----------
    function
        Of ``core.insight``.
    doing
        What the person reads while it is computed; None for what takes no time.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    try:
        if doing is None:
            return _asked(name, args, function)
        with st.spinner(doing):
            return _asked(name, args, function)
    except ThawError as error:
        st.error(str(error), icon=":material/error:")
    except FileNotFoundError:
        st.error("The model or its images are not on this disk any more. Choose another run.", icon=":material/error:")
    return None
