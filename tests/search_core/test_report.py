"""A report file is whole and agrees with itself, or is refused with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_core.metrics import METRIC_NAMES
from search_core.report import (
    QueryMetrics,
    Report,
    Timing,
    describe_environment,
    read_report,
    report_id,
    report_table,
    write_report,
)
from search_core.types import StudioError

REPORT = Report(
    corpus="dataset:cosqa",
    split="valid",
    protocol="content",
    model="minilm",
    model_fingerprint="ab12",
    mode="dense",
    derived_qrels=False,
    skipped_queries=3,
    documents=6267,
    metrics=dict.fromkeys(METRIC_NAMES, 0.5),
    per_query=(
        QueryMetrics("q1", "read a file", 1, dict.fromkeys(METRIC_NAMES, 1.0)),
        QueryMetrics("q2", "sort \ud800 a list", None, dict.fromkeys(METRIC_NAMES, 0.0)),
    ),
    timing=Timing(search_s=0.25, queries_per_s=8.0),
    environment={"python": "3.12.1", "versions": {"torch": "2.13.0"}},
)


def test_the_json_has_the_keys_of_the_contract_in_its_order() -> None:
    data = REPORT.as_dict()
    assert list(data) == [
        "corpus", "split", "protocol", "model", "model_fingerprint", "mode", "derived_qrels", "queries",
        "skipped_queries", "documents", "metrics", "per_query", "timing", "environment",
    ]  # fmt: skip
    assert data["queries"] == 2
    assert list(data["per_query"][0]) == ["query_id", "query", "first_relevant_rank", *METRIC_NAMES]
    assert data["timing"] == {
        "encode_documents_s": None,
        "documents_per_s": None,
        "search_s": 0.25,
        "queries_per_s": 8.0,
    }


@pytest.mark.parametrize(
    "report", [REPORT, replace(REPORT, model=None, model_fingerprint=None, mode="lexical")]
)
def test_what_is_written_is_read_back(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "new folder" / "report.json")
    assert read_report(tmp_path / "new folder" / "report.json") == report


def test_keys_of_a_later_version_are_ignored() -> None:
    assert Report.from_dict(REPORT.as_dict() | {"colour": "blue"}) == REPORT


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.pop(key)


def with_value(value: Any, *path: str | int) -> Callable[[dict[str, Any]], None]:
    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (without("split"), "the report has no 'split'"),
        (with_value("fast", "mode"), "impossible 'mode' ('fast')"),
        (with_value("trec", "protocol"), "impossible 'protocol'"),
        (with_value(None, "corpus"), "impossible 'corpus'"),
        (with_value(True, "documents"), "impossible 'documents' (True)"),
        (with_value(-1, "skipped_queries"), "impossible 'skipped_queries'"),
        (with_value(0, "queries"), "impossible 'queries'"),
        (with_value({}, "metrics"), "'metrics' has no 'recall@1'"),
        (with_value(float("nan"), "metrics", "map"), "'metrics' has an impossible 'map'"),
        (with_value(float("inf"), "timing", "search_s"), "'timing' has an impossible 'search_s'"),
        (with_value("row", "per_query", 1), "query 2 of 'per_query' is no JSON object"),
        (with_value(1.5, "per_query", 0, "ndcg@10"), "query 1 of 'per_query' has an impossible 'ndcg@10'"),
        (with_value(0, "per_query", 0, "first_relevant_rank"), "impossible 'first_relevant_rank'"),
        (with_value(1001, "per_query", 0, "first_relevant_rank"), "impossible 'first_relevant_rank'"),
        (with_value(5, "queries"), "'queries' is 5 but 'per_query' has 2"),
        (with_value("q1", "per_query", 1, "query_id"), "names a query twice"),
        (with_value(0.51, "metrics", "mrr@10"), "'mrr@10' is not the mean of its 'per_query' values"),
    ],
)
def test_an_edited_report_is_refused_with_the_reason(
    edit: Callable[[dict[str, Any]], None], reason: str, tmp_path: Path
) -> None:
    data = REPORT.as_dict()
    edit(data)
    (tmp_path / "report.json").write_text(json.dumps(data))
    with pytest.raises(StudioError) as caught:
        read_report(tmp_path / "report.json")
    assert reason in str(caught.value)
    assert "report.json" in str(caught.value)


def test_a_long_list_of_reasons_is_cut() -> None:
    with pytest.raises(StudioError, match="and 11 more"):
        Report.from_dict({})  # 14 keys


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b'{"corpus": "stdl', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", "no JSON object"),
        (b"null", "no JSON object"),
    ],
)
def test_a_file_that_is_no_report_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(StudioError, match=reason):
        read_report(tmp_path / "notes.txt")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"Cannot read .*missing\.json: No such file"):
        read_report(tmp_path / "missing.json")
    with pytest.raises(StudioError, match="Cannot read"):
        read_report(tmp_path)


def test_the_table_says_what_was_judged_and_how() -> None:
    lines = report_table(replace(REPORT, derived_qrels=True)).splitlines()
    assert lines[0] == "dataset:cosqa, split valid, content protocol, qrels derived from docstrings"
    assert lines[1] == "minilm, dense: 2 queries (3 left out), 6,267 documents"
    assert "ndcg@10     0.5000" in lines


def test_the_environment_names_machine_backend_and_versions() -> None:
    found = describe_environment("openvino f32, 2 threads")
    assert list(found) == ["python", "platform", "processor", "cores", "backend", "versions"]
    assert found["backend"] == "openvino f32, 2 threads"
    assert found["processor"] and found["cores"] >= 1
    assert "torch" in found["versions"]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"environment": {}, "timing": Timing()}, True),  # measured again: it takes the earlier one's place
        ({"split": "test"}, False),
        ({"protocol": "official"}, False),
        ({"model_fingerprint": "cd34"}, False),
        ({"mode": "hybrid"}, False),
    ],
)
def test_the_id_of_a_report_is_that_of_what_was_measured(changed: dict[str, Any], same: bool) -> None:
    before, after = (report_id(report, "f00d") for report in (REPORT, replace(REPORT, **changed)))
    assert (before == after) is same
    assert report_id(REPORT, "beef") != before


def test_the_id_of_a_report_reads_and_fits_a_file_name_and_an_address() -> None:
    report = replace(REPORT, corpus="/home/ada/my code/../x y&z", model="org/model?.v2")
    assert re.fullmatch(r"x-y-z-valid-content-model-.v2-dense-[0-9a-f]{8}", report_id(report, "f00d"))
