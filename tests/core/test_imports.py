"""Pages show at once only while nothing they import imports TensorFlow; which module may import which is lint-imports' business."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def imports_of_pages() -> set[str]:
    """Return the lines with which pages import from ``core`` before anybody clicks: not those inside functions."""
    nodes = [node for file in (ROOT / "pages").rglob("*.py") for node in ast.parse(file.read_text()).body]
    lines = {ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)}
    return {line for line in lines if line.startswith(("from core", "import core"))}


def test_what_pages_import_does_not_import_tensorflow():
    lines = sorted(imports_of_pages())
    assert "from core import data, figures" in lines and len(lines) > 20
    found = "print([m for m in ('tensorflow', 'keras', 'streamlit') if m in sys.modules])"
    code = "\n".join(["import sys", *lines, found])
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert out.strip() == "[]"
