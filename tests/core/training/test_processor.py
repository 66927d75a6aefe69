"""oneDNN is turned on in workers where it was measured to pay, and nowhere else."""

from pathlib import Path

import pytest

from core.training import processor
from core.training.processor import VARIABLE, onednn_pays, processor_flags, settings

ROOT = Path(__file__).parents[3]
CPUINFO = "processor\t: 0\nmodel name\t: Some\nflags\t\t: fpu sse4_2 avx avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n"


@pytest.fixture(autouse=True)
def an_ordinary_processor(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(processor.sys, "platform", "linux")
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(processor, "processor_flags", lambda: {"avx2"})


def test_it_is_on_where_it_pays():
    assert settings() == {VARIABLE: "1"}


@pytest.mark.parametrize("choice", ["0", "1"])
def test_whoever_has_chosen_is_asked_no_more(monkeypatch, choice):
    monkeypatch.setenv(VARIABLE, choice)
    assert settings() == {}


@pytest.mark.parametrize(("platform", "machine"), [("darwin", "x86_64"), ("linux", "aarch64"), ("win32", "AMD64")])
def test_it_is_left_as_tensorflow_has_it_where_nothing_was_measured(monkeypatch, platform, machine):
    monkeypatch.setattr(processor.sys, "platform", platform)
    monkeypatch.setattr(processor.platform, "machine", lambda: machine)
    assert settings() == {}


@pytest.mark.parametrize("flags", [set(), {"avx"}])
def test_a_processor_without_avx2_is_left_alone(monkeypatch, flags):
    monkeypatch.setattr(processor, "processor_flags", lambda: flags)
    assert not onednn_pays()


def test_the_flags_are_those_of_the_first_processor(tmp_path):
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert processor_flags(tmp_path / "cpuinfo") == {"fpu", "sse4_2", "avx", "avx2", "fma"}
    (tmp_path / "cpuinfo").write_text("processor : 0\nFeatures : asimd\n")
    assert processor_flags(tmp_path / "cpuinfo") == set()
    assert processor_flags(tmp_path / "nothing") == set()


def test_exported_scripts_leave_it_as_it_is():
    assert VARIABLE not in (ROOT / "core" / "export" / "templates" / "script.py.j2").read_text()
