"""Names in archives that do not say their encoding: which of those people use makes words of the bytes."""

import re
import unicodedata
from collections.abc import Sequence

from charset_normalizer.md import mess_ratio

# Western Europe last: every byte is something there. Chinese before Korean, whose characters are all possible Chinese ones.
CANDIDATES = ("gb18030", "cp932", "big5", "cp949", "cp866", "cp1251", "cp437", "cp850", "cp1252")
# Lead bytes of each character set's everyday characters, of its rarer ones, and what a character outside of them is worth.
COMMON = {
    "gb18030": ((0xB0, 0xD7), (0xD8, 0xF7), 0.1),  # GB 2312, first and second level
    "cp932": ((0x82, 0x97), (0x98, 0xEA), 0.4),  # kana and JIS X 0208, first and second level
    "big5": ((0xA4, 0xC6), (0xC9, 0xF9), 0.3),
    "cp949": ((0xB0, 0xC8), (0xCA, 0xFD), 0.1),  # KS X 1001: syllables, then Chinese characters
}
KOREAN = 5  # so many different characters that are all possible syllables are Korean: five in eight everyday Chinese ones are


def decode(raw: Sequence[bytes]) -> list[str]:
    """Return names as people wrote them, in Unicode's composed form.

    UTF-8 where all of them allow it; else the one encoding, of those that ZIP programs use without saying so, in which they read best.

    Parameters
    ----------
    raw
        Names as bytes; one archive's names are in one encoding.
    """
    every = b"\n".join(raw)
    for tried in ("utf-8", encoding([part for name in raw for part in re.split(rb"[/\\]", name)])):
        try:
            text = every.decode(tried)
        except UnicodeDecodeError:
            continue
        if text.count("\n") == len(raw) - 1:
            return composed(text).split("\n")
    return [composed(name.decode("utf-8", "replace")) for name in raw]


def encoding(parts: Sequence[bytes]) -> str:
    """Return the encoding, other than UTF-8, in which words read best."""
    return _best(sorted({part for part in parts if not part.isascii()}))


def composed(name: str) -> str:
    """Return a name in Unicode's composed form: macOS takes letters and accents apart."""
    return unicodedata.normalize("NFC", name)


def _best(parts: list[bytes]) -> str:
    if not parts:
        return "utf-8"
    if len({c for p in parts for c in _pairs(p)}) >= KOREAN and all(
        0xB0 <= c[0] <= 0xC8 for p in parts for c in _pairs(p)
    ):
        return "cp949"
    scores = {encoding: _score(parts, encoding) for encoding in CANDIDATES}
    return max(scores, key=lambda encoding: scores[encoding])


def _pairs(part: bytes) -> list[bytes]:
    return re.findall(rb"[\x81-\xfe][\x40-\xfe]|[\x80-\xff]$", part)


def _score(parts: list[bytes], encoding: str) -> float:
    """Return how much like words the names are: worth of each character beyond ASCII, less the mess that charset-normalizer sees."""
    try:
        texts = [part.decode(encoding) for part in parts]
    except UnicodeDecodeError:
        return -10.0
    worth = [w for text in texts for word in re.findall(r"\S+", text) for w in _worth(word, encoding)]
    return sum(worth) / max(len(worth), 1) - mess_ratio(" ".join(texts))


def _worth(word: str, encoding: str) -> list[float]:
    scripts = {_script(c) for c in word if c.isalpha()}
    letters = [c for c in word if c.isalpha()]
    # Western words have an accent here and there; where all letters have one they are another alphabet's.
    odd = scripts == {"LATIN"} and len(letters) > 2 and 2 * sum(not c.isascii() for c in letters) > len(letters)
    worth = []
    for before, c in zip("_" + word, word, strict=False):
        if c.isascii():
            continue
        if encoding in COMMON:
            worth.append(_worth_east_asian(c, encoding))
        elif not c.isalpha() or len(scripts) > 1 or _script(c) == "GREEK":
            worth.append(-1.0)
        else:
            worth.append(0.2 if odd or (c.isupper() and before.islower()) else 0.9)
    return worth


def _script(c: str) -> str:
    return unicodedata.name(c, "").split(" ")[0]


def _worth_east_asian(c: str, encoding: str) -> float:
    common, rare, other = COMMON[encoding]
    raw = c.encode(encoding)
    if len(raw) != 2 or not c.isalpha():  # half-width kana, symbols, private use
        return -0.3
    if encoding in {"gb18030", "cp949"} and raw[1] < 0xA1:
        return other
    if encoding == "big5" and _script(c) != "CJK":
        return 0.0
    if common[0] <= raw[0] <= common[1]:
        return 0.95 if encoding == "cp949" else 1.0
    return 0.5 if rare[0] <= raw[0] <= rare[1] else other
