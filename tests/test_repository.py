"""The repository's own files agree with each other: version, licence, and what is checked before a commit and in CI."""

import re
from pathlib import Path

import core

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_the_version_stands_in_one_place_and_has_its_entry_in_the_changelog():
    assert re.fullmatch(r"\d+\.\d+\.\d+", core.__version__)
    assert 'version = { attr = "core.__version__" }' in text("pyproject.toml")
    assert re.search(rf"^## {re.escape(core.__version__)} \(.+\)$", text("CHANGELOG.md"), re.MULTILINE)


def test_the_licence_that_is_named_is_the_one_that_is_there():
    assert 'license = "Apache-2.0"' in text("pyproject.toml")
    assert "Apache License\n                           Version 2.0" in text("LICENSE")


def test_ci_runs_the_command_of_the_readme_on_three_systems():
    workflow = text(".github/workflows/ci.yml")
    commands = re.findall(r"- run: (.+)", workflow)
    assert commands == ["python start.py test"] and f"\n{commands[0]} " in text("README.md")
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} == set(re.findall(r"os: ([a-z-]+)", workflow))


def test_every_step_of_the_test_command_runs_before_a_commit_too():
    steps = re.findall(r'^        "([a-z -]+)": \[', text("start.py"), re.MULTILINE)
    assert {"ruff check", "mypy", "lint-imports", "pytest"} <= set(steps)
    hooks = text(".pre-commit-config.yaml")
    entries = {"ruff format --check": "ruff format", "pytest": "python start.py test --no-browser-tests"}
    assert all(f"entry: {entries.get(step, step)}" in hooks for step in steps)


def test_documents_name_files_that_exist():
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        links = re.findall(r"\]\(([^)#:]+)\)", text(name))
        assert [link for link in links if not (ROOT / link).exists()] == []
