"""What a person does, in a real browser against the real server."""

import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.runs import RunStore

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
LONG = 120_000
expect.set_options(timeout=30_000)


def _photographs(per_class: int = 24) -> list[tuple[str, bytes]]:
    """Return real photographs where they are at hand, else small drawn pictures of two kinds."""
    shared = Path(os.environ.get("THAW_SHARED", ROOT.parent / "shared")) / "data" / "cats_dogs"
    folders = [f for f in sorted(shared.iterdir()) if f.is_dir()] if shared.is_dir() else []
    if len(folders) >= 2:
        return [(f"{f.name}/{p.name}", p.read_bytes()) for f in folders for p in sorted(f.iterdir())[:per_class]]
    rng, made = np.random.default_rng(0), []
    for kind in ("smooth", "rough"):
        for i in range(per_class):
            pixels = rng.integers(0, 256, (8, 8, 3) if kind == "smooth" else (96, 96, 3), dtype=np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).resize((96, 96)).save(buffer, "JPEG")
            made.append((f"{kind}/{i}.jpg", buffer.getvalue()))
    return made


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "my pets.zip"
    with zipfile.ZipFile(path, "w") as z:
        for name, content in _photographs():
            z.writestr(name, content)
        z.writestr("__MACOSX/._x.jpg", b"junk")
        z.writestr(_photographs(1)[0][0].split("/")[0] + "/broken.jpg", b"not a picture")
    return path


def _go(page: Page, name: str) -> None:
    page.get_by_test_id("stTopNavLink").filter(has_text=re.compile(f"^.*{re.escape(name)}$")).first.click()


def _train(page: Page) -> None:
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()


def _ended(page: Page) -> None:
    """Wait for the verdict too: on a busy machine a page that is still being drawn shows what was there before."""
    expect(page.locator(".st-key-lab_after .verdict h3")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible(timeout=LONG)


def _number(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def test_from_a_zip_to_a_verdict_and_back(page: Page, archive: Path):
    """Upload, train frozen, thaw the last 4, train, stop, train again, read the verdict, reload, compare, delete."""
    page.goto("/data")
    own = page.get_by_role("tab", name="My own images")
    own.click()
    page.locator("input[type=file]").set_input_files(archive)
    expect(page.get_by_role("heading", name="my pets")).to_be_visible(timeout=LONG)
    expect(own).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Split").click()
    expect(page.get_by_text("1 file was left out").first).to_be_visible()

    _go(page, "Lab")
    page.get_by_role("button", name="All frozen").click()
    expect(page.get_by_text("The whole backbone is frozen")).to_be_visible()
    _train(page)
    _ended(page)
    page.get_by_role("button", name="Keep as “before”").click()

    _number(page, "N", "4")
    expect(page.locator(".totals").get_by_text("409,600")).to_be_visible()
    page.get_by_role("tab", name="Training").click()
    _number(page, "Epochs", "400")
    _train(page)
    # The charts alone prove nothing: until the run begins they are those of the run before.
    expect(page.get_by_text(re.compile(r"epoch ([2-9]|\d\d+) of 400"))).to_be_visible(timeout=LONG)
    expect(page.locator(".st-key-lab_right .js-plotly-plot")).to_have_count(4)
    page.reload()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    _ended(page)

    page.get_by_role("tab", name="Training").click()
    _number(page, "Epochs", "5")
    _train(page)
    _ended(page)
    verdict = page.locator(".st-key-lab_after .verdict h3").inner_text()
    assert re.search("Good fit|Underfitting|Overfitting|Still improving|Unstable|Cannot tell yet", verdict)

    link = page.url
    assert "run=" in link
    page.reload()
    expect(page.locator(".st-key-lab_after .verdict h3")).to_have_text(verdict)

    _go(page, "Compare")
    expect(page.locator(".js-plotly-plot")).to_have_count(5)  # loss and accuracy a side, and the tree

    _go(page, "Runs")
    expect(page.get_by_text(re.compile(r"^\d+ of \d+ runs"))).to_be_visible()
    count = int(page.get_by_text(re.compile(r"^\d+ of \d+ runs")).inner_text().split()[0])
    grid = page.get_by_test_id("stDataFrame").first
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 52)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text(re.compile(rf"^{count - 1} of \d+ runs"))).to_be_visible()


def test_a_link_to_a_run_opens_in_another_browser(page: Page, chromium, server):
    page.goto("/")
    page.get_by_role("button", name="Run the classic demonstration").click()
    expect(page.locator(".st-key-start_after .verdict h3")).to_be_visible(timeout=LONG)
    other = chromium.new_context(base_url=server.url).new_page()
    other.goto(page.url)
    expect(other.locator(".st-key-start_after .verdict h3")).to_have_text(
        page.locator(".st-key-start_after .verdict h3").inner_text()
    )
    other.context.close()


def test_a_deep_link_works_right_after_a_restart(server, page: Page):
    """Until a session has come through app.py, Streamlit serves page files without it."""
    server.stop()
    server.start()
    page.goto("/learn")
    expect(page.get_by_role("heading", name="Learn", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stTopNavLink").first).to_be_visible()


def test_two_people_at_once_do_not_disturb_each_other(chromium, server):
    """Each opens the same run (the first journey's, of few images), thaws other layers and trains; each gets the run asked for."""
    run = next((r for r in RunStore().list() if r.experiment.data.source.startswith("upload:")), None)
    shared = f"/lab?run={run.id}" if run else "/lab"
    people = {n: chromium.new_context(base_url=server.url) for n in ("2", "6")}
    pages = {n: context.new_page() for n, context in people.items()}
    for n, page in pages.items():
        page.set_default_timeout(60_000)
        page.goto(shared)
        _number(page, "N", n)
        page.get_by_role("tab", name="Training").click()
        _number(page, "Epochs", "3")
    for page in pages.values():
        _train(page)
    for n, page in pages.items():
        _ended(page)
        expect(page.locator(".st-key-lab_after .which")).to_have_text(f"last {n} thawed")
    assert pages["2"].url != pages["6"].url
    for context in people.values():
        context.close()


def test_a_tried_remedy_is_applied_and_the_editor_beside_it_shows_that(page: Page):
    """Only a browser shows this: there a button in a fragment redraws that fragment alone."""
    run = next((r for r in RunStore().list() if r.experiment.data.source.startswith("upload:")), None)
    page.goto(f"/lab?run={run.id}" if run else "/lab")
    page.get_by_role("button", name="All frozen").click()
    page.get_by_role("tab", name="Training").click()
    _number(page, "Epochs", "2")
    _train(page)
    _ended(page)
    page.get_by_role("button", name="Make sure").click()
    expect(page.get_by_text("Made sure on")).to_be_visible(timeout=LONG)  # the fragment begins to look again by itself
    panel = page.locator(".st-key-trials")
    panel.get_by_role("button", name="Find what helps").click()
    expect(panel.get_by_text(re.compile("no sure gain|given up|recommended|lower loss only")).first).to_be_visible(
        timeout=LONG
    )
    stop = panel.get_by_role("button", name="Stop trying")
    if stop.is_visible():
        stop.click()
    expect(panel.get_by_role("button", name=re.compile("Finish the trials|Try once more"))).to_be_visible(timeout=LONG)
    page.get_by_role("tab", name="Layers").click()
    redo = page.locator(".st-key-redo_button button").first
    page.locator(".st-key-undo_button button").first.click()
    expect(redo).to_be_enabled()
    panel.get_by_role("button", name="Apply", exact=True).first.click()
    expect(redo).to_be_disabled()  # a new change, so there is nothing to do again


def test_a_layer_is_thawed_in_the_table_and_taken_back(page: Page):
    page.goto("/lab")
    learns = page.locator(".totals small b").first
    ticked = page.get_by_test_id("glide-cell-0-2").first  # Conv_1 is the third row
    page.get_by_role("button", name="All frozen").click()
    expect(learns).to_have_text("0")
    expect(ticked).to_have_text("false")
    grid = page.locator(".st-key-lab_left [data-testid=stDataFrame]").first
    grid.click(position={"x": 34, "y": 35 + 30 * 2 + 15})
    expect(learns).to_have_text("409,600")
    expect(ticked).to_have_text("true")
    page.locator(".st-key-undo_button button").first.click()
    expect(learns).to_have_text("0")
    expect(ticked).to_have_text("false")


def test_nothing_that_a_page_needs_is_sent_as_a_mention_of_an_earlier_message(page: Page):
    """The browser forgets earlier messages by itself; a mention of one that it has just forgotten ended the page for good."""
    got: list[str | None] = []
    page.on("websocket", lambda s: s.on("framereceived", lambda frame: got.append(_kind_of(frame))))
    page.goto("/lab")
    frozen = page.locator(".totals small b").first
    for button, learns in (("All thawed", "2,189,760"), ("All frozen", "0"), ("All thawed", "2,189,760")):
        page.get_by_role("button", name=button).click()
        expect(frozen).to_have_text(learns)
    assert "delta" in got and "ref_hash" not in got


def _kind_of(frame: bytes | str) -> str | None:
    return ForwardMsg.FromString(frame).WhichOneof("type") if isinstance(frame, bytes) else None
