"""Writes the curves that the page Learn shows, ``core/studies/lessons.json``: real runs of the demonstrations.

``python -m tools.lessons [--seed 100]`` trains what is not known in the data directory; a minute or two on two cores.
"""

import argparse
import json

import pandas as pd

from core.studies.lessons import FILE, RUNS
from core.studies.scenarios import SCENARIOS
from core.training.allocator import restart_keeping_memory


def curves(card: str, side: int, seed: int) -> pd.DataFrame:
    """Return the curves of one run of a demonstration, trained where they are not known here."""
    from core import data
    from core.training import ends, trainer

    x = SCENARIOS[card].seeded(seed).steps[side].experiment
    dataset = data.load(x.data, x.backbone.size)
    found = ends.find(ends.key(x, dataset))
    return found.curves[-1] if found else trainer.train(x, dataset).history


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=100)
    seed = parser.parse_args().seed
    made = {name: curves(*run, seed).drop(columns=["seconds"]).round(4).to_dict("list") for name, run in RUNS.items()}
    FILE.write_text(json.dumps({"seed": seed, "curves": made}, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    restart_keeping_memory("tools.lessons")
    main()
