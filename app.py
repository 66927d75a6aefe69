"""Thaw: navigation and theme, nothing else. Start with ``python start.py`` or ``streamlit run app.py``."""

from pages.parts import nav

if __name__ == "__main__":  # a child process that imports this file again must not draw a page
    nav.run()
