"""Pictures of the real page for the README and the tour: real code, a real run, its real reports.

python -m scripts.screenshots [FOLDER] [--workspace DIR]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from gradio_client import Client
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from benchmarks.browser import find_browser

ROOT = Path(__file__).parents[1]
CORPORA = ("package:peft", "package:filelock")
"""Of pinned versions, so that pictures can be compared; small enough to be indexed in minutes."""
TRAINED_ON = "package:peft"
WIDE: ViewportSize = {"width": 1440, "height": 1000}
PHONE: ViewportSize = {"width": 390, "height": 844}
"""In CSS pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of the real page.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=ROOT / "assets" / "screenshots", metavar="FOLDER"
    )
    parser.add_argument(
        "--workspace", metavar="DIR", help="keep indexes and the run here (default: a temporary folder)"
    )
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        workspace = args.workspace or temporary
        run = finished_run(workspace)
        with serving(workspace) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"]
            )
            take_pictures(browser, url, args.folder, run)
            browser.close()


def finished_run(workspace: str) -> str:
    """The id of a run in the workspace; one is trained where there is none."""
    command = [sys.executable, "-m", "train"]
    place = ["--workspace", workspace, "--json"]
    options = ["--corpus", TRAINED_ON, "--base-model", "minilm", "--no-guard"]

    def runs() -> list[Mapping[str, object]]:
        listed = subprocess.run(
            [*command, "list", *place], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        return [run for run in json.loads(listed.stdout)["runs"] if run["status"] == "finished"]

    if not runs():
        subprocess.run([*command, "run", *options, *place], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return str(runs()[0]["id"])


def take_pictures(browser: Browser, url: str, folder: Path, run: str) -> None:
    searched = {"q": "merge the adapter into the weights of the base model"}
    tabs = {
        "metrics": {"tab": "metrics", "reports": f"{run}-before,{run}-after"},
        "train": {"tab": "train", "run": run},
        "corpora": {"tab": "corpora"},
    }
    ready = {"metrics": ".cs-plot .main-svg", "train": "#run .cs-curve", "corpora": ".cs-corpus"}
    for theme in ("light", "dark"):
        for window in (WIDE, PHONE):
            name = f"search-{theme}-{window['width']}"
            take_picture(browser, url, searched, ".cs-card", theme, window, folder / f"{name}.png")
        for tab, link in tabs.items():
            path = folder / f"{tab}-{theme}-{WIDE['width']}.png"
            take_picture(browser, url, link, ready[tab], theme, WIDE, path, whole=tab != "corpora")


def take_picture(
    browser: Browser,
    url: str,
    link: Mapping[str, str],
    ready: str,
    theme: str,
    window: ViewportSize,
    path: Path,
    whole: bool = False,
) -> None:
    """whole: the page from top to bottom, not the window alone."""
    page = browser.new_page(
        color_scheme="dark" if theme == "dark" else "light", viewport=window, device_scale_factor=1.5
    )
    page.goto(f"{url}?{urlencode(link)}")
    page.locator(f"{ready}:visible").first.wait_for()
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1_500)  # what comes after the first answer; the page keeps a connection open
    page.screenshot(path=path, full_page=whole)
    page.close()
    print(path)


def _readable(client: Client) -> list[Mapping[str, list[str]]]:
    """What the app lists; a model less than there is while a corpus is still being read."""
    listed = list(client.predict(api_name="/corpora"))
    return listed if len(listed) == len(CORPORA) else [{"models": []}]


@contextmanager
def serving(workspace: str) -> Iterator[str]:
    """The address of an app whose models are ready over every corpus."""
    corpora = [option for spec in CORPORA for option in ("--corpus", spec)]
    command = [sys.executable, "app.py", *corpora, "--workspace", workspace]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        url = next(line.split()[-1] for line in process.stdout or () if "Code Search Studio is at" in line)
        with closing(Client(url, verbose=False)) as client:
            while any(len(one["models"]) < 2 for one in _readable(client)):
                time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
