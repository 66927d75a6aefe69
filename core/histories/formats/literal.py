"""Python's way to write data, brought to JSON's without evaluating anything."""

import json
import re
from typing import Any

from core.histories.log import Cell, cell

TOKEN = re.compile(
    r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|(?:np\.|numpy\.|torch\.|tf\.)?(?:float|int|bool_?|array|asarray|tensor|list|tuple|deque|OrderedDict|defaultdict|EagerTensor)[\w]*\s*\(|\d[\w.]*(?:(?<=[eE])[-+]\d+)?|[A-Za-z_][\w.]*|[()]"
)
KEY = re.compile(r"\s{0,3}:")
WORDS = {"None": "null", "True": "true", "False": "false", "nan": "NaN", "inf": "Infinity", "NaN": "NaN", "Infinity": "Infinity", "null": "null", "true": "true", "false": "false"}  # fmt: skip
CONSTANTS = {
    "np.nan": "NaN",
    "numpy.nan": "NaN",
    "np.inf": "Infinity",
    "math.nan": "NaN",
    "math.inf": "Infinity",
    "float.nan": "NaN",
}


def to_json(text: str) -> str:
    """Return a printed Python value as JSON: quotes, tuples, ``np.float64(0.5)``, ``array([…])``, ``nan``.

    Raises
    ------
    ValueError
        When brackets do not fit.
    """
    text = re.sub(
        r",?\s*(?:dtype|device|grad_fn|requires_grad|shape)\s*=\s*(?:<[^>\n]{0,80}>|\([^)\n]{0,80}\)|'[^'\n]{0,40}'|[\w.]{1,40})",
        "",
        text,
    )
    text = re.sub(r"<class '[\w.]{1,40}'>,?", "", text)
    closing: list[str] = []

    def replace(found: re.Match) -> str:
        token = found[0]
        if token[0].isdigit():
            return f'"{token}"' if token.isdigit() and KEY.match(text, found.end()) else token
        if token[0] in "'\"":
            return json.dumps(token[1:-1].replace("\\'", "'")) if token[0] == "'" else token
        if token == "(":
            closing.append("]")
            return "["
        if token.endswith("("):
            closing.append("")
            return ""
        if token == ")":
            if not closing:
                raise ValueError("the brackets do not fit")
            return closing.pop()
        return WORDS.get(token) or CONSTANTS.get(token) or json.dumps(token)

    written = TOKEN.sub(replace, text)
    return re.sub(r",(\s*[\]}])", r"\1", re.sub(r"(?<![\d.])(\d+)\.(?!\d)", r"\1.0", written))


def parse_literal(text: str) -> Any:
    """Return what a JSON or Python text holds.

    Raises
    ------
    ValueError
        When it is neither.
    """
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(to_json(text))


def numbers(body: str) -> list[Cell | None]:
    """Return the figures of the inside of a list; empty where one of its elements is no figure."""
    bare = re.sub(r"(?:np\.|numpy\.|torch\.|tf\.)?(?:float|int|tensor|Tensor)\w{0,12}\(([^()]{1,60})\)", r"\1", body)
    bare = re.sub(r",?\s*(?:dtype|device|grad_fn)\s*=\s*[<'\w.:>]{1,40}", "", bare)
    parts = bare.split(",") if "," in bare else bare.split()
    found = [cell(p.strip().strip("'\"")) for p in parts if p.strip()]
    return [] if any(isinstance(v, str) for v in found) else found
