"""Writes ``docs/rules/``: a page for each rule of the diagnosis, from its docstring. Run it after changing a rule: ``python -m tools.rule_pages``."""

from pathlib import Path

from core.diagnosis import FAMILIES, RULES, rule_page

FOLDER = Path(__file__).parents[1] / "docs" / "rules"


def pages() -> dict[str, str]:
    """Return the text of every page by its file name, the index among them."""
    made = {f"{code}.md": rule_page(code).rstrip() + "\n" for code in RULES}
    return made | {"README.md": _index()}


def _index() -> str:
    lines = ["# What the diagnosis looks for", "", "Generated from the rules in `core/diagnosis/`."]
    for family in FAMILIES:
        lines += ["", f"## {(family.__doc__ or '').rstrip('.')}", ""]
        rules = [r for r in RULES.values() if r.check.__module__ == family.__name__]
        lines += [f"- [{r.title}]({r.code}.md): {_first_sentence(r.check.__doc__ or '')}" for r in rules]
    return "\n".join(lines) + "\n"


def _first_sentence(text: str) -> str:
    return text.strip().split("\n")[0]


def main() -> None:
    """Write the pages, and remove those of rules that are no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
