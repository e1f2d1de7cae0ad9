"""Repository search on judged queries over real packages, next to semble on the same files.

    python -m benchmarks.repositories                      the packages for fitting
    python -m benchmarks.repositories --part held_out      the figures (choose nothing by them)
    python -m benchmarks.repositories --named              the queries that name what they look for
    python -m benchmarks.repositories --package pydantic   the queries that semble publishes for it
    python -m benchmarks.repositories --no-semble          ours alone, next to semble's stored rankings

benchmarks/sources.py fetches the packages, benchmarks/repository_scores.py defines nDCG@10 of files,
docs/decisions/repositories.md has method and figures. The first run fetches sources and semble. The
rankings of every query are kept below --output as JSON, a file a package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchmarks.queries import PARTS, PUBLISHED, Package, is_committed
from benchmarks.repository_scores import K, Row, comparison_lines, comparisons, ndcg_at_10
from benchmarks.semble_process import REQUIREMENTS, Semble
from benchmarks.sources import all_packages, fetch_all, folder_sha256
from search_core.corpus import load_corpus
from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import MODES, Mode

ROUNDS = 3
"""Of indexing and asking, the systems alternating; medians count."""
REPEATS = 5
"""Searches for each query in a round; the median counts, as in semble's own benchmark."""


@dataclass(frozen=True)
class Measured:
    """One system on one package. way: how it ranked.

    paths: per query, files of the best chunks, relative to the folder that was indexed.
    uncovered: target files without a chunk.
    index_s: from a folder never seen to an index that answers (ours: lexically).
    to_dense_s: from there to ours answering densely; None where vectors came from the cache.
    query_ms: median latency of warm queries, by mode.
    """

    way: str
    paths: list[list[str]]
    files: int
    chunks: int
    uncovered: list[str]
    query_ms: dict[str, float]
    index_s: float | None = None
    to_dense_s: float | None = None


@dataclass(frozen=True)
class Job:
    """package: what is asked; folder: what is indexed."""

    package: Package
    folder: Path

    @property
    def texts(self) -> list[str]:
        return [query.text for query in self.package.queries]

    @property
    def targets(self) -> list[list[str]]:
        """Per query, relative to the folder."""
        prefix = self.package.folder + "/"
        return [[path.removeprefix(prefix) for path in query.targets] for query in self.package.queries]

    def uncovered(self, files: Collection[str | None]) -> list[str]:
        return sorted({path for paths in self.targets for path in paths}.difference(files))

    @property
    def fingerprint(self) -> str:
        """What semble's rankings depend on, and the form in which they are kept."""
        form = [field.name for field in fields(Measured)]
        asked = [*REQUIREMENTS, *form, folder_sha256(self.folder), *self.texts]
        return hashlib.sha256("\0".join(asked).encode()).hexdigest()


class Ours:
    """Our engine over one package, its vectors from the workspace where they are there."""

    def __init__(self, job: Job, mode: Mode, model: str | None, settings: Settings) -> None:
        self._job, self._mode, self._model, self._settings = job, mode, model, settings
        self._engine = SearchEngine(load_corpus(str(job.folder), settings), settings)
        started = time.perf_counter()
        dense = self._engine.add_model(model) if model else None
        encoded_all = dense is not None and dense.encoded == len(dense.index)
        self._to_dense_s = time.perf_counter() - started if encoded_all else None

    def measure(self) -> Measured:
        """Everything but the time to index."""
        corpus = self._engine.corpus
        rankings = self._engine.rank(self._job.texts, K, model=self._model, mode=self._mode)
        modes: set[Mode] = {"lexical", self._mode}
        return Measured(
            way=f"{self._mode} {self._model or ''}".rstrip(),
            paths=[[corpus.by_id[id].path or "" for id in ranking.ids] for ranking in rankings],
            files=corpus.files,
            chunks=len(corpus.documents),
            uncovered=self._job.uncovered({document.path for document in corpus.documents}),
            query_ms={mode: self._query_ms(mode) for mode in sorted(modes)},
            to_dense_s=self._to_dense_s,
        )

    def _query_ms(self, mode: Mode) -> float:
        medians = []
        for text in self._job.texts:
            searches = [
                self._engine.search(text, K, model=self._model, mode=mode).latency_ms for _ in range(REPEATS)
            ]
            medians.append(statistics.median(searches))
        return statistics.median(medians)

    def first_answer_s(self) -> float:
        """From the folder, in a new workspace, to the first lexical answer."""
        with tempfile.TemporaryDirectory() as workspace:
            fresh = replace(self._settings, workspace=Path(workspace))
            started = time.perf_counter()
            engine = SearchEngine(load_corpus(str(self._job.folder), fresh), fresh)
            engine.search(self._job.texts[0], K, mode="lexical")
            return time.perf_counter() - started


def measure_both(job: Job, ours: Ours, semble: Semble) -> tuple[Measured, Measured]:
    """Ours and semble's, in alternating rounds, so that the machine's drift hits both."""
    ours_rounds, semble_rounds = [], []
    for _ in range(ROUNDS):
        built, found = semble.index(job.folder), semble.search(job.texts, K)
        theirs = Measured(
            way=REQUIREMENTS[0],
            paths=found.paths,
            files=len(built.files),
            chunks=built.chunks,
            uncovered=job.uncovered(built.files),
            query_ms={"hybrid": statistics.median(found.query_ms)},
            index_s=built.seconds,
        )
        semble_rounds.append(theirs)
        index_s = ours.first_answer_s()
        ours_rounds.append(replace(ours.measure(), index_s=index_s))
    return median_times(ours_rounds), median_times(semble_rounds)


def median_times(rounds: Sequence[Measured]) -> Measured:
    """The first round, its times those of the median round."""
    index_s = statistics.median(one.index_s for one in rounds if one.index_s is not None)
    query_ms = {mode: statistics.median(one.query_ms[mode] for one in rounds) for mode in rounds[0].query_ms}
    return replace(rounds[0], index_s=index_s, query_ms=query_ms)


def read_semble(stored: Path, job: Job) -> Measured | None:
    """What an earlier run kept, where it is of the same files, queries and versions."""
    if not stored.exists():
        return None
    kept = json.loads(stored.read_text("utf-8"))
    return Measured(**kept["semble"]) if kept["fingerprint"] == job.fingerprint else None


def keep(stored: Path, job: Job, ours: Measured, theirs: Measured | None, rows: Sequence[Row]) -> None:
    whole: dict[str, Any] = {"fingerprint": job.fingerprint, "ours": asdict(ours)}
    whole["semble"] = asdict(theirs) if theirs else None
    whole["queries"] = [asdict(row) for row in rows]
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


def score(job: Job, ours: Measured, theirs: Measured | None) -> list[Row]:
    package = job.package
    return [
        Row(
            package.name,
            query.text,
            query.category,
            package.language,
            reference=ndcg_at_10(theirs.paths[row], targets) if theirs else None,
            ours=ndcg_at_10(ours.paths[row], targets),
        )
        for row, (query, targets) in enumerate(zip(package.queries, job.targets, strict=True))
    ]


def timing_line(job: Job, ours: Measured, theirs: Measured | None) -> str:
    """Seconds to index and milliseconds a query, ours next to semble's."""
    parts = [f"{job.package.name:12} {ours.files:4d} files, {ours.chunks:6,d} documents"]
    if theirs and theirs.index_s and ours.index_s:
        ratio = ours.index_s / theirs.index_s
        parts.append(f"index {ours.index_s:.2f} s / semble {theirs.index_s:.2f} s ({ratio:.2f})")
    if ours.to_dense_s is not None:
        parts.append(f"dense after {ours.to_dense_s:.0f} s more")
    spent = ", ".join(f"{mode} {ms:.2f}" for mode, ms in ours.query_ms.items())
    parts.append(f"query ms: {spent}" + (f" / semble {theirs.query_ms['hybrid']:.2f}" if theirs else ""))
    for who, measured in (("", ours), ("semble ", theirs)):
        if measured and measured.uncovered:
            parts.append(f"{who}covers no line of {', '.join(measured.uncovered)}")
    return "; ".join(parts)


def chosen_packages(part: str, names: Collection[str], named: bool) -> list[Package]:
    """By name, or else by part. A ranker sees no package whose judgments are not committed.

    named: with the queries that name what they look for in place of the others.
    """
    wanted = [package for package in all_packages() if package.name in names]
    wanted = wanted if names else [package for package in all_packages() if package.part == part]
    for package in wanted:
        if package.part != PUBLISHED and not is_committed(package):
            print(f"{package.name}: left out, its judgments are not those of the last commit")
    committed = [package for package in wanted if package.part == PUBLISHED or is_committed(package)]
    if not named:
        return committed
    return [replace(package, queries=package.named) for package in committed if package.named]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--part", choices=(*PARTS, PUBLISHED), default="fitting")
    parser.add_argument("--package", action="append", default=[], metavar="NAME", help="these, of any part")
    parser.add_argument("--named", action="store_true", help="the queries that name what they look for")
    parser.add_argument("--mode", choices=MODES, default="hybrid")
    parser.add_argument("--model", default="minilm", metavar="SPEC")
    parser.add_argument("--semble", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--semble-python", type=Path, metavar="PATH", help="one that has semble already")
    parser.add_argument("--workspace", type=Path, metavar="DIR")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: WORKSPACE/repositories")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    settings = Settings.from_environment(workspace=arguments.workspace)
    output = arguments.output or settings.workspace / "repositories"
    mode: Mode = arguments.mode
    model = None if mode == "lexical" else arguments.model
    rows = []
    packages = chosen_packages(arguments.part, arguments.package, arguments.named)
    with Semble(arguments.semble_python, settings) if arguments.semble else nullcontext() as semble:
        for package, root in fetch_all(packages):
            job = Job(package, root / package.folder)
            stored = output / f"{package.name}{'-named' if arguments.named else ''}.json"
            engine = Ours(job, mode, model, settings)
            ours, theirs = (
                measure_both(job, engine, semble) if semble else (engine.measure(), read_semble(stored, job))
            )
            scored = score(job, ours, theirs)
            keep(stored, job, ours, theirs, scored)
            print(timing_line(job, ours, theirs), flush=True)
            rows += scored
    if rows:
        print(*comparison_lines(list(comparisons(rows)), "semble"), sep="\n")


if __name__ == "__main__":
    main()
