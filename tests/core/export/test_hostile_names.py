"""Whatever people call their runs, classes and files: exported code holds it as text, and opens nothing else."""

import ast
import zipfile

import pytest

from core import data, export, paths
from core.errors import DataError, WeightsError
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment
from core.network import backbone

HOSTILE = (
    'mobilenet" if __import__("os").system("touch owned") else "',
    '"""\n__import__("os").system("id")\n"""',
    "'); import os; os.remove('x') #",
    "{{ 7 * 7 }}{% for x in y %}",
    "a\\\nb\\",
    "\u202egnp.exe \ud800",
    "new\u2028line\x00",
)
DRAWN = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=30, n_classes=2))
CALLS = {"system", "remove", "eval", "exec", "__import__", "popen"}


@pytest.fixture(scope="module")
def pictures():
    return data.load(DRAWN, 96)


def called(code: str) -> set[str]:
    """Return the names of everything that a script calls."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return {f.id if isinstance(f, ast.Name) else getattr(f, "attr", "") for f in calls}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_code(pictures, name):
    weights = BackboneSpec(weights=f"file:/somewhere/{name.encode(errors='replace').decode()}.h5", alpha=0.35, size=96)
    named = pictures.__class__(**{**pictures.__dict__, "class_names": (name, "dog")})
    code = export.script(Experiment(data=DRAWN, backbone=weights), named, name=name)
    assert not called(code) & CALLS
    code.encode()
    assigned = {
        n.targets[0].id: n.value
        for n in ast.parse(code).body
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
    }
    assert ast.literal_eval(assigned["CLASSES"]) == [name, "dog"]
    assert '"49"' not in code
    export.notebook(Experiment(data=DRAWN, backbone=weights), named, name=name).encode()


def test_a_server_opens_no_file_that_a_strangers_experiment_names(pictures, tmp_path, fresh_data_dir, monkeypatch):
    secret = tmp_path / "secret.h5"
    secret.write_text("root:x:0:0")
    link = paths.subdir("weights") / "link.h5"
    link.symlink_to(secret)
    paths.restrict()
    for named in (secret, link, paths.data_dir() / ".." / secret.name, "/etc/passwd", "\0"):
        x = Experiment(data=DRAWN, backbone=BackboneSpec(weights=f"file:{named}", alpha=0.35, size=96))
        with pytest.raises(WeightsError, match="not open to this server"):
            export.bundle(x, pictures, tmp_path / "run.zip")
        with pytest.raises(WeightsError, match="not open to this server"):
            backbone.fingerprint(x.backbone)
    assert not (tmp_path / "run.zip").exists()


def test_a_server_reads_images_below_its_root_only(make_folder, tmp_path, monkeypatch):
    home = make_folder({"cat": 4, "dog": 4})
    spec = DataSpec(source=f"path:{home}")
    assert data.catalogue(spec).class_names == ("cat", "dog")
    paths.restrict()
    with pytest.raises(DataError, match="not open to this server"):
        data.catalogue(spec)
    monkeypatch.setenv(paths.ROOT_VARIABLE, str(tmp_path))
    assert data.catalogue(spec).class_names == ("cat", "dog")


def test_weights_below_the_data_directory_travel_with_the_run_under_our_name(pictures, tmp_path, fresh_data_dir):
    kept = paths.subdir("weights") / 'a"b.h5'
    kept.write_bytes(b"weights")
    paths.restrict()
    x = Experiment(data=DRAWN, backbone=BackboneSpec(weights=f"file:{kept}", alpha=0.35, size=96))
    export.bundle(x, pictures, tmp_path / "run.zip", name="x")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert archive.read("mobilenet_v2_0.35_no_top.h5") == b"weights"
