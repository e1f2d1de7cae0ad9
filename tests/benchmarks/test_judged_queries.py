"""The judged queries keep their rules; those that need sources are checked where the sources are cached."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.queries import (
    Package,
    Query,
    Source,
    load_packages,
    problems_of_package,
    problems_of_set,
    shared_identifiers,
)
from benchmarks.sources import SourceError, cached, fetch, problems_with_sources

PACKAGES = load_packages()

needs_ctags = pytest.mark.skipif(shutil.which("ctags") is None, reason="Universal Ctags is not installed")


def asked(text: str, category: str = "semantic", **changes: tuple[str, ...]) -> Query:
    return replace(Query(text, ("lib/a.py",), (), category), **changes)


def package(*queries: Query) -> Package:
    return Package("tool", "python", "fitting", Source("pypi", "tool", "1.0"), "lib", None, queries)


def test_the_set_is_large_and_mixed_enough() -> None:
    assert problems_of_set(PACKAGES) == []


@pytest.mark.parametrize("judged", PACKAGES, ids=lambda judged: judged.name)
def test_every_package_is_judged_by_the_rules(judged: Package) -> None:
    assert problems_of_package(judged) == []
    assert judged.file.exists() and judged.sha256


@needs_ctags
@pytest.mark.parametrize("judged", PACKAGES, ids=lambda judged: judged.name)
def test_no_plain_language_query_gives_its_answer_away(judged: Package) -> None:
    if not cached(judged).is_dir():
        pytest.skip("its sources are not cached: python -m benchmarks.sources fetches them")
    assert problems_with_sources(judged, fetch(judged)) == []


@pytest.mark.parametrize(
    ("text", "given_away"),
    [
        ("how does send_request wait", ["send_request"]),  # underscore
        ("what a retrypolicy decides", ["retrypolicy"]),  # inner capital, in any case
        ("where is the middleware kept", ["middleware"]),  # no ordinary English word
        ("who is the client of the pool", []),  # ordinary words, though defined
        ("when to send a request again", []),  # the words of a name are not the name
    ],
)
def test_a_plain_language_query_shares_no_identifier_with_its_target(
    text: str, given_away: list[str]
) -> None:
    defined = {"send_request", "RetryPolicy", "middleware", "Client"}
    assert shared_identifiers(asked(text), defined) == given_away


def test_a_symbol_query_names_what_it_looks_for() -> None:
    assert shared_identifiers(asked("RetryPolicy", "symbol"), {"RetryPolicy"}) == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (asked("put a job back", "vague"), "category 'vague' is none of"),
        (asked("put a job back", relevant=("lib/b.py", "lib/b.py")), "a file is named twice"),
        (asked("put a job back", relevant=("docs/b.md",)), "docs/b.md is not in lib"),
        (asked("put a job back", relevant=()), "0 relevant and 0 secondary files"),
        (asked("Take a  job"), "asked twice: 'take a job'"),
    ],
)
def test_a_query_that_breaks_a_rule_is_named(query: Query, problem: str) -> None:
    found = problems_of_package(package(asked("take a job", relevant=("lib/c.py",)), query))
    assert len(found) == 1 and problem in found[0]


def test_no_file_comes_first_in_more_than_three_queries() -> None:
    queries = [asked(f"question {number}") for number in range(4)]
    assert problems_of_package(package(*queries)) == ["lib/a.py comes first 4 times"]


def test_a_set_that_is_too_small_is_refused() -> None:
    found = problems_of_set([package(asked("take a job"))])
    assert found == [
        "1 queries, fewer than 300",
        "1 packages, fewer than 10",
        "1 languages, fewer than 5",
        "0% of the queries are symbols, not 20% to 30%",
        "100% of the queries are for fitting, not 40% to 60%",
    ]


def test_sources_that_are_not_what_was_judged_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODESEARCH_SOURCES", str(tmp_path))
    judged = replace(package(asked("take a job")), sha256="0" * 64)
    (cached(judged) / "lib").mkdir(parents=True)
    (cached(judged) / "lib" / "a.py").write_text("x = 1\n")
    with pytest.raises(SourceError, match="is not what was judged"):
        fetch(judged)


@needs_ctags
def test_a_query_is_checked_against_what_its_targets_define(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("class RetryPolicy:\n    pass\n")
    judged = package(asked("what a retrypolicy is"), asked("take a job", relevant=("lib/gone.py",)))
    assert problems_with_sources(judged, tmp_path) == [
        "lib/gone.py does not exist",
        "'what a retrypolicy is' names retrypolicy",
    ]
