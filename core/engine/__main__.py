"""``python -m core.engine [STORE]`` is the process of the embedded cluster; ``python -m core.engine end [--now]`` ends it."""

import sys

from core.engine import cluster


def main(arguments: list[str]) -> None:
    """Serve, or end what serves."""
    if arguments[:1] != ["end"]:
        from core.engine import serving

        serving.main(*arguments[:1])
    elif "--now" in arguments:
        cluster.stop()
    else:
        cluster.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
