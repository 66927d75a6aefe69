"""What stands around every page."""

import core


def test_the_foot_of_a_page_names_the_version(app):
    assert app.caption[-1].value == f"Thaw {core.__version__}"
