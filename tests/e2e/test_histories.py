"""What people bring, in a real browser: curves made elsewhere, archives of any layout, and things before the camera."""

import io
import os
import re
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.histories.examples import keras_overfits
from tests.e2e.conftest import NAMES, STILL

pytestmark = pytest.mark.browser
LONG = 120_000
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SHOTS = 3
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


@pytest.fixture
def before_camera(chromium, server):
    """A window whose camera shows Chromium's moving test picture."""
    path = os.environ.get("THAW_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)))
    browser = chromium.browser_type.launch(executable_path=path, args=["--no-sandbox", STILL, *CAMERA])
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=server.url, permissions=["camera"])
    context.set_default_timeout(60_000)
    yield context.new_page()
    browser.close()


def test_take_pictures_of_two_things_train_and_see_the_verdict(before_camera: Page) -> None:
    page = before_camera
    page.goto("/data?choose=mine")
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible(timeout=LONG)
    page.get_by_text("Camera or single pictures").click()
    for thing in ("first thing", "second thing"):
        page.get_by_role("radio", name=thing).click()
        for taken in range(SHOTS):
            expect(page.get_by_text(f"“{thing}”: {taken} of 10 taken")).to_be_visible(timeout=LONG)
            page.get_by_role("button", name="Take Photo").click()
    expect(page.get_by_text(f"“second thing”: {SHOTS} of 10 taken")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Use these pictures").click()
    expect(page.get_by_role("heading", name=f"{2 * SHOTS} pictures of mine")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Train on these images").click()
    page.get_by_role("button", name="Train", exact=True).click(timeout=LONG)
    expect(page.locator(".st-key-lab_after .verdict h3")).to_be_visible(timeout=2 * LONG)
