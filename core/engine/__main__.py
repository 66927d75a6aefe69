"""``python -m core.engine [STORE]`` is the process of the embedded cluster; ``python -m core.engine end [--now]`` ends it."""

import sys
from typing import TYPE_CHECKING

from core.engine import cluster

if TYPE_CHECKING:
    from core.runs import RunStore


def end_now() -> None:
    """End the cluster with the run that it has in hand, whose curves so far are kept."""
    from core.runs import RunStore

    store = RunStore()
    _stop_running(store)  # before its worker is gone, which would be charged to the run
    cluster.stop()
    _stop_running(store)


def _stop_running(store: "RunStore") -> None:
    message = "It was stopped because Thaw was ended. The curves so far are kept."
    for run in store.active():
        if run.status == "running":
            store.finish(run.id, "stopped", message=message)


def main(arguments: list[str]) -> None:
    """Serve, or end what serves."""
    if arguments[:1] != ["end"]:
        from core.engine import serving

        serving.main(*arguments[:1])
    elif "--now" in arguments:
        end_now()
    else:
        cluster.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
