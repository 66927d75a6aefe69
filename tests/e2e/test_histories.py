"""What people bring, in a real browser: curves made elsewhere and archives of any layout."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.histories.examples import keras_overfits

pytestmark = pytest.mark.browser
LONG = 120_000
LAYOUTS = {
    "classes.zip": (("cat", "dog"), "2 classes"),
    "splits.zip": (("train/cat", "train/dog", "val/cat", "val/dog"), "2 classes"),
    "wrapped.zip": (("pets-main/data/cat", "pets-main/data/dog"), "2 classes"),
    "inside out.zip": (("cat/train", "cat/test", "dog/train", "dog/test"), "2 classes"),
    "unlabelled.zip": (("train/cat", "train/dog", "train/owl", "test"), "3 classes"),
}


def _archive(folders: tuple[str, ...], seed: int) -> bytes:
    """Return a ZIP with four pictures of noise in each folder."""
    rng, packed = np.random.default_rng(seed), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for folder in folders:
            for i in range(4):
                picture = io.BytesIO()
                Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8)).save(picture, "PNG")
                archive.writestr(f"{folder}/{i}.png", picture.getvalue())
    return packed.getvalue()


def _diagnose(page: Page) -> None:
    page.goto("/diagnose")
    expect(page.get_by_role("heading", name="Diagnose my curves")).to_be_visible(timeout=LONG)


def test_paste_keras_output_and_get_a_verdict(page: Page, server) -> None:
    _diagnose(page)
    box = page.get_by_role("textbox", name=re.compile("paste it here"))
    box.fill(keras_overfits())
    box.press("Control+Enter")
    expect(page.get_by_role("heading", name=re.compile("Overfitting")).first).to_be_visible(timeout=LONG)


def test_drop_two_files_and_get_the_comparison(page: Page, server) -> None:
    _diagnose(page)
    files = [
        {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": f"loss,val_loss,val_acc\n1,1,{a}\n1,1,{a}\n1,1,{a}\n".encode()}
        for name, a in (("first", 0.7), ("second", 0.9))
    ]  # fmt: skip
    page.locator(".st-key-history_file input[type=file]").set_input_files(files)
    expect(page.get_by_text("20 points higher in validation accuracy")).to_be_visible(timeout=LONG)
    expect(page.locator(".js-plotly-plot")).to_have_count(4, timeout=LONG)


def test_each_layout_is_shown_as_a_tree_before_training(page: Page, server) -> None:
    page.goto("/data?choose=mine")
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible(timeout=LONG)
    for seed, (name, (folders, said)) in enumerate(LAYOUTS.items()):
        packed = {"name": name, "mimeType": "application/zip", "buffer": _archive(folders, seed)}
        page.locator(".st-key-upload input[type=file]").set_input_files(packed)
        expect(page.get_by_role("heading", name=name.removesuffix(".zip"), exact=True)).to_be_visible(timeout=LONG)
        page.get_by_role("tab", name="Folders").click()
        expect(page.get_by_text(re.compile(f"What was understood: .*{said}"))).to_be_visible(timeout=LONG)
        expect(page.get_by_role("button", name="Train on these images")).to_be_enabled()
