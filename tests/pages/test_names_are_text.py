"""No page puts a foreign name into Markdown: titles, notes, classes, files and errors go through ``plain`` first."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").rglob("*.py"))
FOREIGN = {"name", "names", "title", "titles", "note", "class_name", "class_names", "upload_title", "label"}
# These show what they are given as it is, or take a name to be edited.
OURS = {
    "concept",
    "scenario",
    "finding",
    "remedy",
    "diagnosis",
    "choice",
    "example",
    "REMEDIES",
}  # their titles stand in our own code
LITERAL = {
    "text",
    "code",
    "text_input",
    "text_area",
    "dataframe",
    "data_editor",
    "download_button",
    "set_page_config",
    "Page",
    "plotly_chart",
}
SAFE = {"plain", "one_line", "len", "sorted_count", "quote", "urlencode"}


def shown(call: ast.Call) -> Iterator[ast.expr]:
    """Yield what a call of Streamlit draws as Markdown: its first argument, and the words that explain or caption."""
    yield from call.args[:1]
    yield from (k.value for k in call.keywords if k.arg in {"help", "label", "body", "text", "caption", "placeholder"})


def foreign(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the foreign names in an expression that go through nothing that makes them safe."""
    if isinstance(node, ast.Call) and called(node) in SAFE:
        return
    if isinstance(node, ast.IfExp):  # its condition is not shown
        yield from foreign(node.body)
        yield from foreign(node.orelse)
        return
    if isinstance(node, ast.Attribute) and node.attr in FOREIGN and owner(node) not in OURS:
        yield node
    for child in ast.iter_child_nodes(node):
        yield from foreign(child)


def owner(node: ast.Attribute) -> str:
    value = node.value.value if isinstance(node.value, ast.Subscript) else node.value
    return value.id if isinstance(value, ast.Name) else ""


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def offences(source: str) -> list[int]:
    """Return the lines on which a foreign name reaches Markdown."""
    calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call) and is_streamlit(n)]
    drawn = (part for c in calls if called(c) not in LITERAL for part in shown(c))
    return sorted(
        {
            name.lineno
            for part in drawn
            if isinstance(part, (ast.JoinedStr, ast.Attribute, ast.BinOp))
            for name in foreign(part)
        }
    )


def is_streamlit(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and called(node) in MARKDOWN_CALLS


MARKDOWN_CALLS = {
    "markdown", "caption", "write", "title", "header", "subheader", "info", "warning", "error", "success", "toast", "metric", "expander",
    "button", "checkbox", "toggle", "radio", "selectbox", "popover", "status", "progress", "spinner", "link_button", "page_link", "file_uploader",
}  # fmt: skip


@pytest.mark.parametrize("file", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_foreign_name_is_read_as_markdown(file):
    assert not offences(file.read_text(encoding="utf-8")), "wrap these in core.words.plain"


def test_the_check_finds_what_it_looks_for():
    assert offences('st.markdown(f"**{run.name}**")') == [1]
    assert offences("column.caption(run.note)") == [1]
    assert not offences('st.markdown(f"**{plain(run.name)}** of {len(x.class_names)}")')
    assert not offences("st.text(run.name)")
