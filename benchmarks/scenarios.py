"""Does every card on the Start page show what it promises? ``python -m benchmarks.scenarios [--seeds 5] [--only KEY ...]``.

Runs the experiments of every card with several seeds (other pictures, initial weights and batches), each time from an empty data
directory so that nothing is reused from an earlier run, and prints how many seed-and-card pairs were as promised and the seconds a
card takes in a process that has TensorFlow loaded.
"""

import argparse
import os
import tempfile
import time

from core.diagnosis import Diagnosis
from core.studies.scenarios import SCENARIOS, Scenario
from core.training.allocator import restart_keeping_memory


def run(scenario: Scenario) -> tuple[list, list[Diagnosis], float]:
    """Return histories and diagnoses of a card's runs, and the seconds that they took."""
    from core import data
    from core.engine.execute import judge
    from core.training import trainer

    histories, diagnoses, started = [], [], time.perf_counter()
    for step in scenario.steps:
        dataset = data.load(step.experiment.data, step.experiment.backbone.size)
        outcome = trainer.train(step.experiment, dataset)
        histories.append(outcome.history)
        diagnoses.append(judge(step.experiment, dataset, outcome))
    return histories, diagnoses, time.perf_counter() - started


def _line(history, diagnosis: Diagnosis) -> str:
    last = history.iloc[-1]
    causes = " ".join(f.code for f in diagnosis.findings[:4])
    return (
        f"train {last.clean_accuracy:.2f} val {last.val_accuracy:.2f} val_loss {last.val_loss:.2f} "
        f"(lowest {history.val_loss.min():.2f}) {len(history)} epochs: {diagnosis.verdict} {causes}"
    )


def main() -> None:
    """Run all cards on all seeds and print a line a run and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=list(SCENARIOS), default=list(SCENARIOS))
    options = parser.parse_args()
    from core.training import trainer

    kept = total = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as home:
        os.environ["THAW_DATA_DIR"] = home
        trainer.warm()
        for key in options.only:
            good, seconds = 0, []
            for seed in range(options.seeds):
                scenario = SCENARIOS[key].seeded(seed)
                histories, diagnoses, took = run(scenario)
                confirmed = scenario.confirms(list(zip(histories, diagnoses, strict=True)))
                good, seconds = good + confirmed, [*seconds, took]
                for step, h, d in zip(scenario.steps, histories, diagnoses, strict=True):
                    print(
                        f"# {key} seed {seed} {'ok ' if confirmed else 'NOT'} {step.label}: {_line(h, d)}", flush=True
                    )
            print(f"{key}_confirmed {good}/{options.seeds} seeds, {max(seconds):.1f} s at most", flush=True)
            kept, total, slowest = kept + good, total + options.seeds, max(slowest, *seconds)
    print(f"pairs_as_promised {kept / total:.3f} share of {total}")
    print(f"slowest_card {slowest:.1f} s")


if __name__ == "__main__":
    restart_keeping_memory("benchmarks.scenarios")
    main()
