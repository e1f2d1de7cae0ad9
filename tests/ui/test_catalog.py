"""What was added and removed on the page is there at the next start, beside what the command line names."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ui.offering.catalog import FILE, Catalog

DEFAULTS = ("stdlib",)


def offered(workspace: Path, named: list[str] | None = None) -> tuple[str, ...]:
    """At the next start, by a catalog that reads the file anew."""
    return Catalog(workspace).read("corpora").offered(named, DEFAULTS)


def test_at_first_the_defaults_are_offered(tmp_path: Path) -> None:
    assert offered(tmp_path) == ("stdlib",)


def test_what_was_added_comes_after_the_defaults_or_what_the_command_line_names(tmp_path: Path) -> None:
    Catalog(tmp_path).add("corpora", "/src")
    assert offered(tmp_path) == ("stdlib", "/src")
    assert offered(tmp_path, ["package:click", "/src"]) == ("package:click", "/src")


def test_a_default_that_was_removed_stays_away_until_the_command_line_names_it(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.add("corpora", "/src")
    catalog.remove("corpora", "stdlib")
    assert offered(tmp_path) == ("/src",)
    assert offered(tmp_path, ["stdlib"]) == ("stdlib", "/src")


def test_what_was_removed_can_be_added_again(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.add("corpora", "/src")
    catalog.remove("corpora", "/src")
    assert offered(tmp_path) == ("stdlib",)
    catalog.add("corpora", "/src")
    assert offered(tmp_path) == ("stdlib", "/src")


def test_something_is_always_offered(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.add("corpora", "/src")
    catalog.remove("corpora", "stdlib")
    catalog.remove("corpora", "/src")
    assert offered(tmp_path) == ("stdlib",)


def test_models_are_kept_apart_from_corpora(tmp_path: Path) -> None:
    Catalog(tmp_path).add("models", "/runs/a")
    assert offered(tmp_path) == ("stdlib",)
    assert Catalog(tmp_path).read("models").offered(None, ("minilm", "studio")) == (
        *("minilm", "studio", "/runs/a"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 99}',
        '{"format": 1, "corpora": {"added": [1], "removed": []}, "models": {}}',
    ],
)
def test_a_damaged_file_costs_what_was_added_and_a_log_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with caplog.at_level(logging.WARNING):
        assert offered(tmp_path) == ("stdlib",)
    (record,) = caplog.records
    assert "studio.json cannot be used" in record.message
