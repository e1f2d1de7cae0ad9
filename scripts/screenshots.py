"""Pictures of the real page over the standard library, for the README.

python scripts/screenshots.py [FOLDER] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from playwright.sync_api import ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
QUERY = "match a path against a glob pattern"
WINDOWS: tuple[ViewportSize, ...] = ({"width": 1440, "height": 1000}, {"width": 390, "height": 844})
"""In CSS pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of the real page over the standard library.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=ROOT / "assets" / "screenshots", metavar="FOLDER"
    )
    parser.add_argument("--workspace", metavar="DIR", help="keep indexes here (default: a temporary folder)")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, serving(args.workspace or temporary) as url:
        take_pictures(url, args.folder)


def take_pictures(url: str, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for theme in ("light", "dark"):
            for window in WINDOWS:
                page = browser.new_page(color_scheme=theme, viewport=window, device_scale_factor=2)
                page.goto(url + "?" + urlencode({"q": QUERY}))
                page.wait_for_selector(".cs-card")
                page.evaluate("document.fonts.ready")
                path = folder / f"search-{theme}-{window['width']}.png"
                page.screenshot(path=path)
                print(path)
        browser.close()


@contextmanager
def serving(workspace: str) -> Iterator[str]:
    """The address of an app whose models are both ready."""
    command = [sys.executable, "app.py", "--workspace", workspace]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        url = next(iter(process.stdout or ())).split()[-1]
        while b'"studio"' not in urlopen(url + "healthz").read():  # noqa: S310 (our own address)
            time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
