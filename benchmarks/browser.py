"""The browser of this machine that tests, pictures and benchmarks drive."""

from __future__ import annotations

import shutil

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first, without any window, opens a page in half the time."""


def find_browser() -> str | None:
    """Its path; None where none is installed, which scripts/system_packages.sh does."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
