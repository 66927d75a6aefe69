"""Writes the curves that the page Learn shows, ``core/studies/lessons.json``: real runs of the demonstrations.

``python -m tools.lessons [--seed 100] [--only NAME ...]`` trains what is not known in the data directory; a minute or two on two cores.
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
    """Write the file; what is not asked for stays as it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--only", nargs="*", choices=list(RUNS), default=list(RUNS))
    options = parser.parse_args()
    kept = json.loads(FILE.read_text())
    made = {name: curves(*RUNS[name], options.seed) for name in options.only}
    told = {name: frame.drop(columns=["seconds"]).round(4).to_dict("list") for name, frame in made.items()}
    seeds = kept["seeds"] | dict.fromkeys(made, options.seed)
    FILE.write_text(json.dumps({"seeds": seeds, "curves": kept["curves"] | told}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    restart_keeping_memory("tools.lessons")
    main()
