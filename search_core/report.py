"""The report of an evaluation: the record, its JSON and its checks."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import NoneType
from typing import Any

from search_core.metrics import METRIC_NAMES, ROUNDING
from search_core.settings import Settings
from search_core.store import write_text
from search_core.types import MAX_K, MODES, PROTOCOLS, EvaluationProtocol, Mode, StudioError

LIBRARIES = ("torch", "sentence-transformers", "transformers", "openvino", "faiss-cpu", "faiss-gpu")


@dataclass(frozen=True, slots=True)
class Timing:
    """What was really measured; None where nothing was, say because vectors came from the cache."""

    encode_documents_s: float | None = None
    documents_per_s: float | None = None
    search_s: float | None = None
    queries_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class QueryMetrics:
    """One query's figures. first_relevant_rank: from 1; None where the top 1,000 hold nothing relevant."""

    query_id: str
    query: str
    first_relevant_rank: int | None
    metrics: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        return {
            "query_id": self.query_id,
            "query": self.query,
            "first_relevant_rank": self.first_relevant_rank,
            **self.metrics,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """How one model and mode ranked the judged queries of a corpus.

    model, model_fingerprint: None in lexical mode.
    metrics: name to its mean over `per_query`, in the order of METRIC_NAMES.
    """

    corpus: str
    split: str
    protocol: EvaluationProtocol
    model: str | None
    model_fingerprint: str | None
    mode: Mode
    derived_qrels: bool
    skipped_queries: int
    documents: int
    metrics: Mapping[str, float]
    per_query: tuple[QueryMetrics, ...]
    timing: Timing
    environment: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {
            "corpus": self.corpus,
            "split": self.split,
            "protocol": self.protocol,
            "model": self.model,
            "model_fingerprint": self.model_fingerprint,
            "mode": self.mode,
            "derived_qrels": self.derived_qrels,
            "queries": len(self.per_query),
            "skipped_queries": self.skipped_queries,
            "documents": self.documents,
            "metrics": dict(self.metrics),
            "per_query": [row.as_dict() for row in self.per_query],
            "timing": asdict(self.timing),
            "environment": dict(self.environment),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Report:
        """The report behind `as_dict`. Raises StudioError naming what is missing or does not fit."""
        if problems := list(_problems(data)):
            more = f", and {len(problems) - 3:,} more" if len(problems) > 3 else ""
            raise StudioError(
                f"Not a usable report: {', '.join(problems[:3])}{more}. Make it again with `evaluate`."
            )
        rows = tuple(
            QueryMetrics(
                row["query_id"],
                row["query"],
                row["first_relevant_rank"],
                {name: row[name] for name in METRIC_NAMES},
            )
            for row in data["per_query"]
        )
        kept = {field.name: data[field.name] for field in fields(cls)}
        metrics = {name: data["metrics"][name] for name in METRIC_NAMES}
        timing = Timing(**{field.name: data["timing"][field.name] for field in fields(Timing)})
        return cls(**kept | {"metrics": metrics, "per_query": rows, "timing": timing})

    @property
    def judged_on(self) -> str:
        """What the figures are about, in words: two reports share a table only where this is equal."""
        derived = ", qrels derived from docstrings" if self.derived_qrels else ""
        return f"{self.corpus}, split {self.split}, {self.protocol} protocol{derived}"


def report_table(report: Report) -> str:
    """The report for a terminal, one metric a line."""
    return "\n".join(
        [
            report.judged_on,
            f"{named(report.model, report.mode)}: {len(report.per_query):,} queries "
            f"({report.skipped_queries:,} left out), {report.documents:,} documents",
            "",
            *(f"{name:<10}  {value:.4f}" for name, value in report.metrics.items()),
        ]
    )


def named(model: str | None, mode: Mode) -> str:
    """What ranked, in words."""
    return f"{model}, {mode}" if model else mode


def report_id(report: Report, corpus_fingerprint: str) -> str:
    """What it is called among a workspace's reports: fit for a file name and an address.

    corpus_fingerprint: of the documents that were ranked. Evaluations of the same thing have the same
    id, so that the later one takes the earlier one's place.
    """
    of = (report.corpus, corpus_fingerprint, report.split, report.protocol, report.model_fingerprint)
    digest = hashlib.sha256(json.dumps([*of, report.mode]).encode()).hexdigest()[:8]
    words = map(_slug, (report.corpus, report.split, report.protocol, report.model or "", report.mode))
    return "-".join([*filter(None, words), digest])


def _slug(spec: str) -> str:
    """
    >>> _slug("dataset:CoIR-Retrieval/cosqa"), _slug("/home/ada/my model/")
    ('cosqa', 'my-model')
    """
    last = re.split("[/:]", spec.rstrip("/"))[-1]
    return re.sub("[^A-Za-z0-9._]+", "-", last).strip("-.")[:40]


def write_report(report: Report, path: Path) -> None:
    """Raises StudioError where the file cannot be written."""
    write_text(path, json.dumps(report.as_dict(), indent=1, allow_nan=False) + "\n")


def read_report(path: Path) -> Report:
    """Raises StudioError, naming the file, where it cannot be read or is no whole report."""
    try:
        return Report.from_dict(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise StudioError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise StudioError(f"{path}: not JSON ({error}). Make it again with `evaluate`.") from error
    except StudioError as error:
        raise StudioError(f"{path}: {error}") from error


Fits = Callable[[Any], bool]


def _is(*types: type) -> Fits:
    return lambda value: type(value) in types  # exactly these: a bool is no int in a report


def _within(low: float, high: float, *types: type) -> Fits:
    return lambda value: type(value) in types and low <= value <= high


def _or_null(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


_AMOUNT = _within(0, sys.float_info.max, int, float)
_COUNT = _within(0, sys.maxsize, int)
_SHARES: Mapping[str, Fits] = dict.fromkeys(METRIC_NAMES, _within(0, 1, int, float))
_TIMING: Mapping[str, Fits] = {field.name: _or_null(_AMOUNT) for field in fields(Timing)}
_ROW: Mapping[str, Fits] = {
    "query_id": _is(str),
    "query": _is(str),
    "first_relevant_rank": _or_null(_within(1, MAX_K, int)),
    **_SHARES,
}
_REPORT: Mapping[str, Fits] = {
    "corpus": _is(str),
    "split": _is(str),
    "protocol": PROTOCOLS.__contains__,
    "model": _is(str, NoneType),
    "model_fingerprint": _is(str, NoneType),
    "mode": MODES.__contains__,
    "derived_qrels": _is(bool),
    "queries": _within(1, sys.maxsize, int),
    "skipped_queries": _COUNT,
    "documents": _COUNT,
    "metrics": _is(dict),
    "per_query": _is(list),
    "timing": _is(dict),
    "environment": _is(dict),
}


def _problems(data: Any) -> Iterator[str]:
    """Why JSON is no report: what is missing or impossible, else which figures contradict each other."""
    misfits = list(_misfits(data, _REPORT, "the report"))
    if not misfits:
        misfits += _misfits(data["metrics"], _SHARES, "'metrics'")
        misfits += _misfits(data["timing"], _TIMING, "'timing'")
        for number, row in enumerate(data["per_query"], start=1):
            misfits += _misfits(row, _ROW, f"query {number:,} of 'per_query'")
    yield from misfits or _contradictions(data)


def _misfits(data: Any, shape: Mapping[str, Fits], place: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{place} is no JSON object"
        return
    for key, fits in shape.items():
        if key not in data:
            yield f"{place} has no '{key}'"
        elif not fits(data[key]):
            yield f"{place} has an impossible '{key}' ({repr(data[key])[:40]})"


def _contradictions(data: Mapping[str, Any]) -> Iterator[str]:
    rows = data["per_query"]
    if len(rows) != data["queries"]:
        yield f"'queries' is {data['queries']:,} but 'per_query' has {len(rows):,}"
        return
    if len({row["query_id"] for row in rows}) < len(rows):
        yield "'per_query' names a query twice"
    for name in METRIC_NAMES:
        if abs(sum(row[name] for row in rows) / len(rows) - data["metrics"][name]) > ROUNDING:
            yield f"'{name}' is not the mean of its 'per_query' values"


def describe_environment(backend: str | None) -> dict[str, Any]:
    """Where figures were measured. backend: the encoder's own description, None in lexical mode."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": Settings().thread_count,
        "backend": backend,
        "versions": {name: found for name in LIBRARIES if (found := _installed_version(name))},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # platform.processor() is empty on most Linux systems
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _installed_version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
