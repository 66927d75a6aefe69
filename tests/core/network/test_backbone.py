"""Which weights are chosen and why, against real files and a real HTTP server, and what happens to damaged ones."""

import http.server
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from core import data
from core.errors import WeightsError
from core.experiment import BackboneSpec
from core.network import backbone
from tests.core.conftest import PICTURES

NARROW = BackboneSpec(alpha=0.35, size=96)


class Server(http.server.ThreadingHTTPServer):
    """Serves ``content`` under any name; may drop the connection half way, or hold its answer back until ``go_on`` is set."""

    daemon_threads = True
    content: bytes = b"weights"
    status: int = 200
    drops: bool = False
    holds: bool = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.go_on = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Stay quiet when the other side has gone."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        while self.server.holds and not self.server.go_on.wait(0.05):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # a byte now and then: no timeout of a socket ends this
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    do_HEAD = answer

    def do_GET(self) -> None:
        self.answer()
        content = self.server.content
        self.wfile.write(content[: len(content) // 2] if self.server.drops else content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture
def server(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("THAW_WEIGHTS_URL", f"http://127.0.0.1:{made.server_port}/mirror/")
    yield made
    made.go_on.set()
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def no_server(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("THAW_WEIGHTS_URL", f"http://127.0.0.1:{free.getsockname()[1]}/")


def test_weights_on_this_machine_are_taken_and_nobody_is_asked(server, keras_home):
    file = keras_home / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5"
    file.parent.mkdir(parents=True)
    file.touch()
    choice = backbone.best_available(1.0, 160)
    assert (choice.weights, choice.reason) == ("imagenet", "they are on this machine")
    assert server.asked == []


def test_weights_that_can_be_downloaded_are_taken_and_the_server_is_asked_once(server):
    choices = [backbone.best_available(0.35, 96) for _ in range(3)]
    assert {(c.weights, c.reason) for c in choices} == {("imagenet", "they can be downloaded")}
    assert server.asked == ["HEAD /mirror/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"]


def test_without_a_server_the_built_in_weights_are_taken_and_it_says_why(no_server):
    choice = backbone.best_available(0.35, 96)
    assert (choice.weights, choice.title) == ("builtin", "Thaw's built-in weights")
    assert "cannot be downloaded" in choice.reason


def test_without_a_server_and_without_built_in_ones_it_says_that_nothing_is_pretrained(no_server):
    choice = backbone.best_available(0.5, 96)
    assert (choice.weights, choice.title) == ("random", "no pretrained weights")
    assert "no built-in ones for alpha 0.5" in choice.reason


def test_a_server_without_the_file_is_no_help(server):
    server.status = 404
    assert backbone.best_available(0.35, 96).weights == "builtin"


def test_an_address_that_is_none_is_no_help(monkeypatch):
    monkeypatch.setenv("THAW_WEIGHTS_URL", "nonsense")
    assert backbone.best_available(0.35, 192).weights == "builtin"


def test_a_server_that_dribbles_is_not_waited_for(server):
    """The answer comes only after the choice was made: waiting for it would never end."""
    server.holds = True
    assert backbone.best_available(0.35, 96, timeout=0.3).weights == "builtin"
    assert len(server.asked) == 1 and not server.go_on.is_set()


def test_a_server_that_comes_back_is_found_after_a_while(server, monkeypatch):
    server.status = 503
    assert backbone.best_available(0.35, 96).weights == "builtin"
    server.status = 200
    assert backbone.best_available(0.35, 96).weights == "builtin", "not asked at every click"
    later = backbone.time.monotonic() + backbone.ASK_AGAIN_SECONDS
    monkeypatch.setattr(backbone.time, "monotonic", lambda: later)
    assert backbone.best_available(0.35, 96).weights == "imagenet"


@pytest.fixture(scope="module")
def published(narrow_weights, tmp_path_factory) -> tuple[bytes, list[np.ndarray]]:
    """A weights file in the form Keras publishes, and what is in it."""
    model = backbone.build(NARROW.replace(weights=narrow_weights))
    path = tmp_path_factory.mktemp("published") / "weights.h5"
    with legacy_h5_format.h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path.read_bytes(), model.get_weights()


def test_the_download_is_loaded_and_kept_where_keras_looks(server, keras_home, published):
    server.content, expected = published
    for _ in range(2):
        model = backbone.build(NARROW.replace(weights="imagenet"))
        for ours, theirs in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert [a.split()[0] for a in server.asked] == ["GET"], "the second time it was there"
    assert [f.name for f in (keras_home / "models").iterdir()] == [backbone.imagenet_name(0.35, 96)]


@pytest.mark.parametrize("damage", [{"drops": True}, {"status": 404}], ids=["dropped", "absent"])
def test_a_download_that_fails_leaves_no_half_file_that_looks_like_weights(server, keras_home, published, damage):
    server.content = published[0]
    for name, value in damage.items():
        setattr(server, name, value)
    with pytest.raises(WeightsError, match=r"could not be downloaded .* built-in"):
        backbone.build(NARROW.replace(weights="imagenet"))
    assert list((keras_home / "models").iterdir()) == []


def test_without_a_network_imagenet_says_what_to_do(no_server):
    with pytest.raises(WeightsError, match=r"could not be downloaded .*built-in weights, or give a weights file"):
        backbone.build(NARROW.replace(weights="imagenet"))


@pytest.mark.parametrize("alpha", [0.35, 1.0])
def test_built_in_weights_tell_pictures_apart(alpha):
    """Weights whose running averages have not converged give the same features for every picture (2e-5 where ImageNet's is 0.9)."""
    model = backbone.build(BackboneSpec(alpha=alpha, size=96, weights="builtin"))
    pictures = data.load(PICTURES, 96).train.images[:24].astype(np.float32) / 127.5 - 1
    features = np.asarray(model(pictures, training=False)).mean((1, 2))
    assert np.isfinite(features).all()
    assert features.std(0).mean() > 0.05


def test_damaged_built_in_weights_are_refused(tmp_path, monkeypatch):
    shutil.copytree(backbone.BUILTIN_FOLDER, tmp_path / "weights")
    monkeypatch.setattr(backbone, "BUILTIN_FOLDER", tmp_path / "weights")
    file = backbone.builtin_file(0.35)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged \(checksum\)"):
        backbone.build(NARROW)


def test_the_model_card_names_every_file_with_its_checksum_and_size():
    files = backbone.manifest()["files"]
    assert set(files) == {f.name for f in backbone.BUILTIN_FOLDER.glob("*.npz")}
    for name, noted in files.items():
        assert (backbone.BUILTIN_FOLDER / name).stat().st_size == noted["bytes"]
    assert sum(noted["bytes"] for noted in files.values()) <= 6e6


@pytest.mark.parametrize(
    "spec", [{"alpha": 0.5}, {"weights": "file:/not/there.h5"}], ids=["no such alpha", "no such file"]
)
def test_weights_that_are_not_there_are_refused_with_what_to_do(spec):
    wrong = BackboneSpec(**{"alpha": 0.35, "size": 96, "weights": "builtin"} | spec)
    for ask in (backbone.build, backbone.fingerprint):
        with pytest.raises(WeightsError, match=r"Choose one of these|Check the path"):
            ask(wrong)


def test_weights_of_another_alpha_are_refused(narrow_weights):
    with pytest.raises(WeightsError, match=r"made for alpha 0.35, not 1.0"):
        backbone.build(BackboneSpec(alpha=1.0, size=96, weights=narrow_weights))


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    file = tmp_path / "x.weights.h5"
    file.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"is not a weights file|holds"):
        backbone.build(NARROW.replace(weights=f"file:{file}"))


def test_random_weights_follow_the_seed():
    first, same, other = (backbone.build(NARROW.replace(weights="random"), seed).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_fingerprints_tell_contents_apart(tmp_path, narrow_weights):
    given = Path(narrow_weights.removeprefix("file:"))
    copy, other = tmp_path / "copy.weights.h5", tmp_path / "other.weights.h5"
    shutil.copy(given, copy)
    other.write_bytes(given.read_bytes() + b"x")
    known = backbone.fingerprint(NARROW.replace(weights=narrow_weights))
    assert backbone.fingerprint(NARROW.replace(weights=f"file:{copy}")) == known, "the name does not matter"
    specs = [NARROW.replace(weights=w) for w in (f"file:{other}", "builtin", "random", "imagenet")]
    specs += [BackboneSpec(alpha=1.0, size=96, weights="builtin"), NARROW.replace(weights="imagenet", size=128)]
    prints = [known, backbone.fingerprint(specs[2], seed=1), *map(backbone.fingerprint, specs)]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("weights", ["imagenet", "builtin", "random", "file:/somewhere/mine.h5"])
def test_every_kind_of_weights_is_said_aloud(weights):
    said = backbone.explain(BackboneSpec(weights=weights))
    assert {"imagenet": "ImageNet", "builtin": "drawn pictures", "random": "NOT pretrained"}.get(
        weights, "mine.h5"
    ) in said


@pytest.mark.parametrize("alpha", [0.35, 1.0])
def test_the_published_weights_load_and_tell_pictures_apart(shared_data, alpha):
    file = next((shared_data / "weights").glob(f"*kernels_{alpha}_224_no_top*.h5"), None)
    if file is None:
        pytest.skip(f"no ImageNet weights for alpha {alpha} here")
    model = backbone.build(BackboneSpec(alpha=alpha, size=96, weights=f"file:{file}"))
    fresh = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None, alpha=alpha)
    fresh.load_weights(file)
    for ours, theirs in zip(model.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    pictures = data.load(PICTURES, 96).train.images[:16].astype(np.float32) / 127.5 - 1
    assert np.asarray(model(pictures, training=False)).mean((1, 2)).std(0).mean() > 0.1


def test_random_weights_are_those_that_keras_draws_after_seeding_it():
    keras.utils.set_random_seed(3)
    plain = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None, alpha=0.35)
    ours = backbone.build(BackboneSpec(alpha=0.35, size=96, weights="random"), 3)
    for a, b in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_width_of_a_weights_file_is_read_from_it(published, tmp_path):
    (tmp_path / "mine_no_top.h5").write_bytes(published[0])
    assert backbone.alpha_of(tmp_path / "mine_no_top.h5", "mine") == NARROW.alpha


@pytest.mark.parametrize("damage", ["not weights", "another network"])
def test_a_file_that_holds_no_such_network_is_refused(tmp_path, damage):
    path = tmp_path / "mine.h5"
    if damage == "not weights":
        path.write_bytes(b"no HDF5")
    else:
        with h5py.File(path, "w") as file:
            file["kernel"] = np.zeros(10)
    with pytest.raises(WeightsError, match=r"mine\.h5 .*_no_top\.h5"):
        backbone.alpha_of(path, path.name)
