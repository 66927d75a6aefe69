"""Names of archives in the encodings that ZIP programs use without saying so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.archive_names import decode

WRITTEN = {
    "gbk": [["数据/猫", "数据/狗"], ["苹果", "香蕉", "橙子"], ["玫瑰花", "向日葵"]],
    "cp932": [["画像/猫", "画像/犬"], ["りんご", "みかん"], ["リンゴ", "バナナ"], ["桜", "梅", "松"]],
    "big5": [["貓", "狗", "圖片"], ["蘋果", "香蕉"]],
    "cp949": [["고양이", "강아지"], ["사과", "바나나"]],
    "cp866": [["Фото/кошка", "Фото/собака"], ["Яблоки", "Груши"]],
    "cp1251": [["кошка", "собака"]],
    "cp437": [["Äpfel", "Nüsse"], ["Straße", "café"], ["Größe 2", "Grün"]],
    "cp850": [["maçã", "limão"]],
    "cp1252": [["Äpfel", "Nüsse", "café"]],
    "utf-8": [["Äpfel", "Nüsse"], ["猫", "狗"], ["кошка"]],
}


@pytest.mark.parametrize(("encoding", "names"), [(e, names) for e, sets in WRITTEN.items() for names in sets])
def test_names_come_out_as_people_wrote_them(encoding: str, names: list[str]) -> None:
    assert decode([name.encode(encoding) for name in names] + [b"plain.jpg"]) == [*names, "plain.jpg"]


def test_letters_taken_apart_are_put_together() -> None:
    assert decode(["A\u0308pfel".encode()]) == ["\u00c4pfel"]


@given(st.lists(st.binary(max_size=12), max_size=5))
def test_any_bytes_give_as_many_names(raw: list[bytes]) -> None:
    assert len(decode(raw)) == len(raw)
