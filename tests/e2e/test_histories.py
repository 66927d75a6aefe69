"""Curves made elsewhere, in a real browser: paste what Keras printed, get a verdict."""

import re

import pytest
from playwright.sync_api import Page, expect

from core.histories.examples import keras_overfits

pytestmark = pytest.mark.browser


def _diagnose(page: Page, server) -> None:
    page.goto("/diagnose")
    expect(page.get_by_role("heading", name="Diagnose my curves")).to_be_visible(timeout=120_000)


def test_paste_keras_output_and_get_a_verdict(page: Page, server) -> None:
    _diagnose(page, server)
    page.get_by_role("textbox", name=re.compile("paste it here")).fill(keras_overfits())
    page.get_by_role("textbox", name=re.compile("paste it here")).press("Control+Enter")
    expect(page.locator('[class*="_verdict"] h3').first).to_contain_text("Overfitting", timeout=60_000)
