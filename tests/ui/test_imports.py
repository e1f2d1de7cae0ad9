"""What the page's imports leave out, in a process of its own: modules are imported once."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPENED = """
import gc, inspect, sys
from ui.imports import quick_imports
stubs = []

def see(event, args):
    if event == "open" and str(args[0]).endswith(".pyi"):
        stubs.append(args[0])

sys.addaudithook(see)
file_of = inspect.getfile
with quick_imports():
    import gradio
assert inspect.getfile is file_of and gc.isenabled()
assert gradio.Textbox().submit and gradio.Textbox(label="Query").label == "Query"
print(len(stubs))
"""


@pytest.mark.slow
def test_gradio_comes_without_the_stubs_that_it_writes_for_editors() -> None:
    done = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
