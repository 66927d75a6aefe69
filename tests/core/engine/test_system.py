"""What differs between operating systems: the choices for one that is not at hand are looked at, not carried out."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from core.engine import system


def test_a_cluster_outlives_its_terminal_everywhere():
    assert system.detached("posix") == {"start_new_session": True}
    flags = system.detached("nt")["creationflags"]
    assert flags & 0x200, "else Ctrl+C in the console would end it"
    assert flags & 0x08000000, "else a console window would open"


@pytest.mark.parametrize("name", ["posix", "nt"])
def test_asked_to_end_it_ends_in_good_order(name):
    """On Windows asyncio takes no signals; the plain handler is carried out here, which Linux has as well."""
    code = (
        "import asyncio, os, signal; from core.engine import system\n"
        "async def serve():\n"
        "    ended = asyncio.Event()\n"
        f"    system.on_end(asyncio.get_running_loop(), ended.set, {name!r})\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.wait_for(ended.wait(), 10)\n"
        "asyncio.run(serve()); print('in good order')"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "in good order"


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no niceness")
def test_all_threads_yield_also_those_that_were_there_before():
    code = (
        "import os, threading, time; from core.engine import system\n"
        "stay = threading.Event(); early = threading.Thread(target=stay.wait, daemon=True); early.start()\n"
        "system.lower_priority(7)\n"
        "late = threading.Thread(target=stay.wait, daemon=True); late.start()\n"
        "print([os.getpriority(os.PRIO_PROCESS, n) for n in (0, early.native_id, late.native_id)])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[7, 7, 7]"


def test_on_windows_it_is_below_normal(monkeypatch):
    asked = []
    monkeypatch.setattr(system.psutil, "Process", lambda: SimpleNamespace(nice=asked.append))
    system.lower_priority(5, "nt")
    system.lower_priority(0, "nt")
    assert asked == [0x4000], "BELOW_NORMAL_PRIORITY_CLASS, and nothing where nothing was asked for"


def test_this_thread_is_told_from_its_process_where_threads_have_a_niceness_of_their_own():
    assert system.threads_have_their_own() == (sys.platform == "linux" and threading.get_native_id() > 0)
