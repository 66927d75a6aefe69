"""Every test session keeps its data apart from what people made."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory):
    """Point Thaw at an empty data directory for the whole session."""
    home = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(home))
        yield home
