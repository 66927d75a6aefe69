"""``python -m core.engine [STORE]`` is the process of the embedded cluster; ``python -m core.engine end [--now]`` ends it."""

import sys

from core.engine import cluster


def end_now() -> None:
    """End the cluster with the run that it has in hand, whose curves so far are kept."""
    from core.runs import RunStore

    cluster.stop()
    store = RunStore()
    for run in store.active():
        if run.status == "running":
            store.finish(
                run.id, "stopped", message="It was stopped because Thaw was ended. The curves so far are kept."
            )


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
