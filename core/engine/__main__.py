"""``python -m core.engine``: the process of the embedded cluster."""

from core.engine.serving import main

if __name__ == "__main__":
    main()
