"""Importing what the page needs in half the time."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quick_imports() -> Iterator[None]:
    """While it lasts, modules are imported without what a running program has no use for.

    For editors Gradio writes a stub beside each component, for which it takes the component's source
    apart, at every start; it leaves out classes that have no file, so here its own have none. And the
    garbage collector rests, which would look through all that modules make again and again: that stays.
    """
    file_of, collects = inspect.getfile, gc.isenabled()

    def file_of_others(object: Any) -> str:
        if isinstance(object, type) and object.__module__.startswith("gradio."):
            raise OSError(f"{object.__name__} is not looked for")
        return file_of(object)

    inspect.getfile = file_of_others
    gc.disable()
    try:
        yield
    finally:
        inspect.getfile = file_of
        gc.freeze()
        if collects:
            gc.enable()
