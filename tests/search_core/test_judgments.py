"""Marks outlive the process, the index and a torn write; of several on a hit the latest counts."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from search_core.judgments import FILE, JudgmentLog, Mark, Verdict, as_lines, folded, read_marks
from search_core.store import Workspace
from search_core.types import Document, StudioError

CODE = Document(
    id="a.py::area",
    text='def area(side):\n    """Surface of a square."""\n    return side * side',
    encoded="a.py area ...",
    path="a.py",
    symbol="area",
    kind="function",
    language="python",
    docstring="Surface of a square.",
)


@pytest.fixture
def log(tmp_path: Path) -> JudgmentLog:
    return JudgmentLog(Workspace(tmp_path))


def mark(verdict: Verdict, query: str = "square", corpus: str = "stdlib", document: Document = CODE) -> Mark:
    return Mark.of(document, corpus, query, verdict)


def test_a_mark_holds_what_training_reads_of_a_document() -> None:
    assert mark("right").text == "def area(side):\n    return side * side"  # code: without its docstring
    of_dataset = Document(id="d1", text="def f(): ...", encoded="def f(): ...")
    assert mark("right", document=of_dataset).text == "def f(): ..."


def test_a_mark_is_found_under_its_corpus_query_and_content(log: JudgmentLog) -> None:
    log.add(mark("right"))
    assert log.verdicts("stdlib", "square") == {CODE.content_key: "right"}
    assert log.verdicts("stdlib", "circle") == {}
    assert log.verdicts("package:x", "square") == {}


def test_queries_that_differ_in_case_space_or_the_final_stop_are_one(log: JudgmentLog) -> None:
    log.add(mark("wrong", query=" Square  root. "))
    assert log.verdicts("stdlib", "square root") == {CODE.content_key: "wrong"}


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        (["right", "wrong"], ["wrong"]),
        (["wrong", "right", "none"], []),  # taken back
        (["none", "right"], ["right"]),
    ],
)
def test_the_latest_verdict_counts(log: JudgmentLog, given: list[Verdict], holds: list[Verdict]) -> None:
    for verdict in given:
        log.add(mark(verdict))
    assert [one.verdict for one in log.of("stdlib").values()] == holds


def test_a_new_process_finds_every_mark(log: JudgmentLog, tmp_path: Path) -> None:
    log.add(mark("right", query="höhe „x“"))
    assert list(JudgmentLog(Workspace(tmp_path)).of("stdlib")) == [("höhe „x“", CODE.content_key)]


def test_what_another_process_appends_is_seen_at_the_next_look(log: JudgmentLog, tmp_path: Path) -> None:
    assert log.of("stdlib") == {}
    JudgmentLog(Workspace(tmp_path)).add(mark("right"))
    assert len(log.of("stdlib")) == 1


def test_a_line_that_was_cut_short_costs_only_itself(log: JudgmentLog, tmp_path: Path) -> None:
    log.add(mark("right", query="first"))
    with (tmp_path / FILE).open("a") as file:
        file.write('{"t": 1, "corp')  # power failed here
    assert [query for query, _ in log.of("stdlib")] == ["first"]
    log.add(mark("right", query="second"))
    for reader in (log, JudgmentLog(Workspace(tmp_path))):
        assert [query for query, _ in reader.of("stdlib")] == ["first", "second"]


@pytest.mark.parametrize(
    "line", ["[]", "{}", "null", "\xff", json.dumps({"t": 1, "verdict": "right", "unknown": 2})]
)
def test_a_line_that_is_no_mark_is_left_out(log: JudgmentLog, tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text(line + "\n", "latin-1")
    log.add(mark("wrong"))
    assert len(log.of("stdlib")) == 1


def test_a_file_that_was_replaced_is_read_anew(log: JudgmentLog, tmp_path: Path) -> None:
    for query in ("first", "second"):
        log.add(mark("right", query=query))
    assert len(log.of("stdlib")) == 2
    (tmp_path / FILE).write_text(as_lines([mark("right", query="third")]))
    assert [query for query, _ in log.of("stdlib")] == ["third"]


def test_many_threads_write_whole_lines(log: JudgmentLog, tmp_path: Path) -> None:
    def write(number: int) -> None:
        log.add(mark("right", query=f"query {number}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.query for one in read_marks(tmp_path / FILE)} == {f"query {number}" for number in range(8)}


def test_a_workspace_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudioError, match="Cannot write"):
        JudgmentLog(Workspace(tmp_path / "file")).add(mark("right"))


def test_folding_keeps_different_questions_apart() -> None:
    assert folded("Is it sorted?") == folded("is it  sorted") != folded("is it not sorted")
