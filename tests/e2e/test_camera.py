"""The quickest way into a lesson: take pictures of two things, train on them, read the verdict."""

import re

from playwright.sync_api import Page, expect

LONG = 180_000
EACH = 4


def take(page: Page, thing: str, n: int) -> None:
    """Take so many pictures; a black one, from before the camera is ready, is not kept and is asked for again."""
    page.get_by_test_id("stButtonGroup").get_by_text(thing, exact=True).click()
    for already in range(n):
        expect(page.get_by_text(f"A picture of “{thing}”: {already} of")).to_be_visible(timeout=LONG)
        taken = page.get_by_text(f"A picture of “{thing}”: {already + 1} of")
        black = page.get_by_text("That picture is black")
        while not taken.is_visible():
            page.get_by_role("button", name="Take Photo").click()
            expect(taken.or_(black).first).to_be_visible(timeout=LONG)


def test_pictures_from_the_camera_are_trained_on_and_judged(page: Page):
    page.context.grant_permissions(["camera"])
    page.goto("/data?choose=mine")
    page.get_by_text("Camera or single pictures").click()
    take(page, "first thing", EACH)
    take(page, "second thing", EACH)
    page.get_by_role("button", name="Use these pictures").click()
    expect(page.get_by_role("heading", name=f"{2 * EACH} pictures of mine")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Train on these images").click()
    page.get_by_role("button", name="Train", exact=True).click()
    verdict = page.locator(".st-key-lab_after .verdict h3, .st-key-lab_right .verdict h3").first
    expect(verdict).to_be_visible(timeout=LONG)
    assert re.search("Good fit|Underfitting|Overfitting|Still improving|Unstable|Cannot tell yet", verdict.inner_text())
