#!/usr/bin/env bash
# Everything about Thaw that a graphics card changes, in under 8 minutes on one card: bash benchmarks/gpu.sh [DIR]
# DIR is a folder of photographs with one folder a class; drawn pictures without it. Needs `pip install tensorflow[and-cuda]` in .venv.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
failed=0

part() {
    echo "--- $1"
    shift
    timeout 240 "$@" || { echo "failed with status $?"; failed=1; }
}

part "the card" "$python" - <<'CODE'
import tensorflow as tf

cards = tf.config.list_physical_devices("GPU")
for card in cards:
    print("gpu", tf.config.experimental.get_device_details(card).get("device_name", card.name))
raise SystemExit(0 if cards else "TensorFlow sees no graphics card.")
CODE
((failed)) && exit 1

part "training tests" "$python" -m pytest -q tests/core/training/test_program.py tests/core/training/test_trainer.py tests/core/training/test_rate_finder.py

for case in head_only last4 everything_thawed; do
    part "speed of $case" "$python" -m benchmarks.speed ${1:+--images "$1"} --repeats 1 --only "$case"
done

part "half precision and one worker a card" "$python" - <<'CODE'
import os, tempfile, time

os.environ["THAW_DATA_DIR"] = tempfile.mkdtemp(prefix="thaw-gpu-")
from core.engine import Engine, cluster, machine
from core.experiment import DataSpec, DrawnDials, Experiment, FreezeSpec, TrainingSpec
from core.runs import RunStore

shares = machine.shares()
print("workers", len(shares), [share.environment.get("CUDA_VISIBLE_DEVICES", "") for share in shares])
engine = Engine(RunStore())
try:
    for half in (False, True):
        x = Experiment(
            data=DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=400)),
            freeze=FreezeSpec.last(154, lock_batchnorm=False),
            training=TrainingSpec(epochs=5, learning_rate=1e-5, backbone_rate_factor=1.0, mixed_precision=half),
        )
        started = time.monotonic()
        run_id = engine.submit(x)
        assert engine.wait(run_id, timeout=200) == "finished", engine.store.get(run_id).error
        took = engine.store.measured(run_id)["frontier"]["seconds"]["training"]
        print("everything_thawed_half_precision" if half else "everything_thawed_whole_precision", f"{took:.2f} s of {time.monotonic() - started:.2f} s")
finally:
    engine.close()
    cluster.stop()
CODE
exit $failed
