"""docs/reference.md is complete."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

import search_core.__main__
import train.__main__

REFERENCE = Path(__file__).parents[1] / "docs" / "reference.md"


def options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Command and option, but those of every command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                for option in command._option_string_actions:
                    if option not in ("-h", "--help", "--workspace"):
                        yield name, option


@pytest.mark.parametrize("module", [search_core.__main__, train.__main__], ids=lambda module: module.__name__)
def test_every_option_is_in_the_synopsis(module) -> None:
    text = (
        REFERENCE.read_text("utf-8").partition("    python -m search_core")[2].partition("\nEvery command")[0]
    )
    missing = [f"{name} {option}" for name, option in options(module.build_parser()) if option not in text]
    assert not missing
