"""The quickest way into a lesson: take pictures of two things, train on them, read the verdict."""

import re
from contextlib import suppress

from playwright.sync_api import Page, expect

LONG = 180_000
EACH = 3


def take(page: Page, thing: str, n: int) -> None:
    """Press the shutter until so many pictures are there: before the camera is ready it does nothing, or a black picture is not kept."""
    page.get_by_test_id("stButtonGroup").get_by_text(thing, exact=True).click()
    enough = page.get_by_text(re.compile(rf"A picture of “{thing}”: ({n}|{n + 1}) of"))
    while not enough.is_visible():
        page.get_by_role("button", name="Take Photo").click()
        before = page.get_by_text(re.compile(f"A picture of “{thing}”")).inner_text()
        with suppress(AssertionError):
            expect(page.get_by_text(before, exact=True)).to_be_hidden(timeout=4_000)


def test_pictures_from_the_camera_are_trained_on_and_judged(page: Page):
    page.context.grant_permissions(["camera"])
    page.goto("/data?choose=mine")
    page.get_by_text("Camera or single pictures").click()
    take(page, "first thing", EACH)
    take(page, "second thing", EACH)
    page.get_by_role("button", name="Use these pictures").click()
    expect(page.get_by_role("heading", name="pictures of mine")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Train on these images").click()
    page.get_by_role("button", name="Train", exact=True).click()
    verdict = page.locator(".st-key-lab_after .verdict h3, .st-key-lab_right .verdict h3").first
    expect(verdict).to_be_visible(timeout=LONG)
    assert re.search("Good fit|Underfitting|Overfitting|Still improving|Unstable|Cannot tell yet", verdict.inner_text())
