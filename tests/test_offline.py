"""Thaw works with the network cut off: in a namespace of its own that has a loopback device and nothing else (pages: test_every_page)."""

import json

CUT_OFF = """
import socket
for address in ("192.0.2.1", "example.org"):
    try:
        socket.create_connection((address, 80), timeout=5)
    except OSError as error:
        print(type(error).__name__)
with socket.create_server(("127.0.0.1", 0)) as here:
    socket.create_connection(here.getsockname()).close()
    print("loopback works")
from core.network import backbone
print(backbone.best_available(1.0, 224).weights, backbone.best_available(0.5, 96).weights)
"""


def test_nothing_outside_is_reached_and_the_weights_are_chosen_accordingly(cut_off):
    first, second, loopback, weights = cut_off("-c", CUT_OFF)
    assert first != "OK" and second == "gaierror", "there is a network here, so nothing is proven"
    assert loopback == "loopback works"
    assert weights == "builtin random", "there are no built-in weights for alpha 0.5"


def test_a_run_on_a_folder_is_trained_and_judged(cut_off, make_folder, tmp_path):
    folder, out = make_folder({"cat": 12, "dog": 12}), tmp_path / "out"
    options = ["--alpha", "0.35", "--size", "96", "--epochs", "2", "--thaw-last", "4"]
    said = cut_off("-m", "core", "run", "--images", str(folder), "--out", str(out), *options)
    assert "built-in weights" in said[0], "chosen without a network, and said"
    assert json.loads((out / "experiment.json").read_text())["backbone"]["weights"] == "builtin"
    assert len((out / "curves.csv").read_text().splitlines()) == 3
    assert json.loads((out / "verdict.json").read_text())["verdict"]
    assert (out / "model.keras").stat().st_size > 1e6
