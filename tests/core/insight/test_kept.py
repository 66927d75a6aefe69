"""An answer is computed once."""

import numpy as np

from core.insight import kept


def test_an_answer_is_computed_once_and_another_question_is_another_answer(fresh_data_dir):
    asked = []

    @kept.kept
    def question(store_uri: str, run_ids: list[str], depth: str) -> np.ndarray:
        asked.append((run_ids, depth))
        return np.full(3, len(asked))

    first = question("uri", ["a", "b"], "out_relu")
    np.testing.assert_array_equal(question("elsewhere", ["a", "b"], "out_relu"), first)
    assert len(asked) == 1
    question("uri", ["b", "a"], "out_relu")
    question("uri", ["a", "b"], "block_2_add")
    assert len(asked) == 3


def test_a_damaged_file_is_computed_anew_and_old_ones_go(fresh_data_dir, monkeypatch):
    answer = kept.kept(lambda uri, ids: ids[0])
    monkeypatch.setattr(kept, "MOST", 3)
    for name in "abcdef":
        assert answer("uri", [name]) == name
    files = sorted(kept._home().glob("*.pickle"))
    assert len(files) == 3
    for file in files:
        file.write_bytes(b"damaged")
    assert answer("uri", ["f"]) == "f"
