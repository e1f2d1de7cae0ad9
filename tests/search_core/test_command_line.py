"""The command line of the contract, on real corpora: objects, exit codes, one-line errors."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from search_core.__main__ import main
from tests.commands import begin

REMOVE_TREE = """def remove_tree(path):
    '''Delete a folder and all that is in it.'''
    shutil.rmtree(path)"""
METRICS = [
    "recall@1",
    "recall@5",
    "recall@10",
    "recall@20",
    "recall@50",
    "recall@100",
    "mrr@10",
    "ndcg@10",
    "map",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("code")
    (root / "files.py").write_text(
        "def copy_tree(source, target):\n"
        '    """Copy a folder and all that is in it."""\n'
        "    shutil.copytree(source, target)\n\n\n" + REMOVE_TREE + "\n"
    )
    (root / "broken.py").write_bytes(b"\0")
    return root


@pytest.fixture
def run(model_workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def run(*argv: object, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = main([*map(str, argv), "--workspace", str(model_workspace)])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err.rpartition("\r")[2]  # where a bar of progress was

    return run


def test_index_reports_documents_skipped_files_and_models(run, folder: Path) -> None:
    code, out, _ = run("index", "--corpus", folder, "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["corpus"] == {"spec": str(folder), "documents": 2, "files": 1}
    assert [skipped["path"] for skipped in summary["skipped"]] == ["broken.py"]
    assert (summary["models"][0]["model"], summary["models"][0]["vectors"]) == ("minilm", 2)


def test_indexing_again_encodes_nothing(run, folder: Path) -> None:
    run("index", "--corpus", folder)
    _, out, _ = run("index", "--corpus", folder, "--json")
    assert json.loads(out)["models"][0]["encoded"] == 0


def test_search_prints_the_search_object(run, folder: Path) -> None:
    code, out, _ = run("search", "erase a directory", "--corpus", folder, "-k", 1, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["query"], found["corpus"]) == ("erase a directory", {"spec": str(folder), "documents": 2})
    (result,) = found["results"]
    assert (result["model"], result["mode"]) == ("minilm", "dense") and result["latency_ms"] > 0
    (hit,) = result["hits"]
    assert hit.pop("score") > 0
    assert hit == {
        "rank": 1,
        "id": "files.py::remove_tree",
        "path": "files.py",
        "symbol": "remove_tree",
        "kind": "function",
        "language": "python",
        "start_line": 6,
        "end_line": 8,
        "text": REMOVE_TREE,
        "url": None,
    }


def test_lexical_search_is_one_result_without_a_model(run, folder: Path) -> None:
    argv = (
        "search",
        "tree",
        "--corpus",
        folder,
        "--mode",
        "lexical",
        "--model",
        "minilm",
        "--model",
        "x",
        "--json",
    )
    _, out, _ = run(*argv)
    (result,) = json.loads(out)["results"]
    assert (result["model"], result["mode"], len(result["hits"])) == (None, "lexical", 2)


def test_queries_from_a_file_print_one_object_a_line(run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "queries.txt").write_text("copy a folder\ndelete a folder\n")
    argv = ("search", "--queries", tmp_path / "queries.txt", "--corpus", folder, "-k", 1, "--json")
    _, out, _ = run(*argv)
    first, second = map(json.loads, out.splitlines())
    assert [found["query"] for found in (first, second)] == ["copy a folder", "delete a folder"]
    assert first["results"][0]["hits"][0]["symbol"] == "copy_tree"


def test_queries_are_read_from_standard_input(run, folder: Path) -> None:
    _, out, _ = run(
        "search", "--queries", "-", "--corpus", folder, "--mode", "lexical", "--json", stdin="copy\n"
    )
    assert json.loads(out)["query"] == "copy"


def test_code_like_that_at_a_place_is_found(run, folder: Path) -> None:
    code, out, _ = run("search", "--similar-to", "files.py:7", "--corpus", folder, "--json")
    found = json.loads(out)
    assert (code, found["query"]) == (0, "files.py:7")
    ids = [hit["id"] for hit in found["results"][0]["hits"]]
    assert ids and "files.py::remove_tree" not in ids


def test_evaluate_writes_the_report_and_compare_reads_two(run, small_dataset: Path, tmp_path: Path) -> None:
    spec = f"dataset:{small_dataset}"
    for mode in ("lexical", "dense"):
        code, *_ = run("evaluate", "--corpus", spec, "--mode", mode, "--output", tmp_path / f"{mode}.json")
        assert code == 0
    report: dict[str, Any] = json.loads((tmp_path / "dense.json").read_text())
    assert list(report) == [
        "corpus", "split", "protocol", "model", "model_fingerprint", "mode", "derived_qrels", "queries",
        "skipped_queries", "documents", "metrics", "per_query", "timing", "environment",
    ]  # fmt: skip
    assert list(report["metrics"]) == METRICS
    assert set(report["per_query"][0]) == {"query_id", "query", "first_relevant_rank", *METRICS}
    assert set(report["timing"]) == {"encode_documents_s", "documents_per_s", "search_s", "queries_per_s"}
    code, out, _ = run("compare", tmp_path / "lexical.json", tmp_path / "dense.json", "--json")
    comparison = json.loads(out)
    assert code == 0
    assert comparison["a"] == {"model": None, "mode": "lexical", "file": str(tmp_path / "lexical.json")}
    assert set(comparison["metrics"]) == set(METRICS)
    assert comparison["wins"] + comparison["losses"] + comparison["ties"] == report["queries"]


def test_reports_of_different_protocols_cannot_be_compared(run, small_dataset: Path, tmp_path: Path) -> None:
    for protocol in ("content", "official"):
        argv = ("--mode", "lexical", "--protocol", protocol, "--output", tmp_path / f"{protocol}.json")
        run("evaluate", "--corpus", f"dataset:{small_dataset}", *argv)
    code, out, err = run("compare", tmp_path / "content.json", tmp_path / "official.json")
    assert (code, out) == (2, "") and "protocol" in err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["search", "--corpus", "stdlib"], "Give one of QUERY, --queries FILE and --similar-to"),
        (["search", "x", "--similar-to", "a.py:1", "--corpus", "stdlib"], "Give one of QUERY"),
        (["search", "--similar-to", "a.py", "--corpus", "stdlib"], "A place is PATH:LINE"),
        (["search", "--similar-to", "a.py:" + "1" * 5_000, "--corpus", "stdlib"], "A place is PATH:LINE"),
        (["evaluate", "--corpus", "stdlib", "--output", ""], "--output names the report's file"),
        (["evaluate", "--corpus", "stdlib", "--output", "/"], "--output names the report's file"),
        (["search", "--similar-to", "no.py:1", "--corpus", "package:pathspec"], "no such file: no.py"),
        (
            ["search", "x", "--mode", "lexical", "--corpus", "package:pathspec", "--path", "[a"],
            "Path filter '[a' is not a gitignore-style glob",
        ),
        (
            [
                "search",
                "x",
                "--corpus",
                "package:pathspec",
                "--language",
                "cobol",
                "--model",
                "no/such-model",
            ],
            "No documents in language 'cobol'",  # before anything is loaded or encoded
        ),
        (
            ["evaluate", "--corpus", "no-such-corpus", "--output", "/dev/null/r.json"],
            "Choose another --output",
        ),
        (["search", "x", "--corpus", "package:pathspec", "--language", ""], "No documents in language ''"),
        (["index", "--watch", "--corpus", "stdlib"], "cannot be watched: only folders"),
        (["search", "", "--corpus", "stdlib"], "query is empty"),
        (["search", "x" * 100_000, "--corpus", "stdlib"], "100,000 characters"),
        (["search", "x", "--corpus", "stdlib", "-k", "0"], "k must be between 1 and 1,000"),
        (["search", "x", "--corpus", "stdlib", "-k", "10000000"], "got 10,000,000"),
        (["search", "x", "--corpus", "stdlib", "-k", "ten"], "invalid int value"),
        (["search", "x", "--corpus", "stdlib", "--mode", "magic"], "invalid choice"),
        (["search", "x", "--corpus", "no-such-corpus"], "no-such-corpus"),
        (["search", "x", "--corpus", "package:no-such-package"], "no-such-package"),
        (["search", "x", "--corpus", "dataset:/no/such/folder"], "/no/such/folder"),
        (["search", "--queries", "/no/such/file", "--corpus", "stdlib"], "Cannot read queries"),
        (["search", "--queries", "-", "--corpus", "stdlib"], "Standard input holds no queries"),
        (["evaluate", "--corpus", "stdlib", "--output", "r.json", "--limit-queries", "0"], "at least 1"),
        (["compare", "/no/such/a.json", "/no/such/b.json"], "/no/such/a.json"),
        (["frobnicate"], "invalid choice"),
        ([], "COMMAND"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(run, argv: list[str], sentence: str) -> None:
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and sentence in err


@pytest.mark.parametrize(("given", "sentence"), [("", "it is empty"), (__file__, "is a file")])
def test_a_workspace_that_is_no_folder_is_refused(
    capsys: pytest.CaptureFixture[str], given: str, sentence: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["prune", "--workspace", given])
    err = capsys.readouterr().err
    assert stopped.value.code == 2 and err.count("\n") == 1 and sentence in err


def test_a_language_is_found_however_it_is_written(run, folder: Path) -> None:
    code, out, _ = run("search", "x", "--mode", "lexical", "--corpus", folder, "--language", "Python")
    assert code == 0 and out


def test_output_that_nobody_reads_any_more_ends_the_command_quietly(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "queries.txt").write_text("copy a folder\n" * 2_000)
    argv = ("--queries", tmp_path / "queries.txt", "--corpus", folder, "--mode", "lexical", "--json")
    process = begin("search_core", "search", *argv, "--workspace", tmp_path / "w")
    assert process.stdout and process.stderr
    with process.stderr:
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (141, "")


def test_a_folder_whose_name_is_no_unicode_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.py").write_text(
            f'def add_{number}(a):\n    """Give the sum of it and {number}."""\n    return a + {number}\n'
        )
    argv = ("--corpus", folder, "--mode", "lexical", "--split", "test", "--output", tmp_path / "report.json")
    process = begin("search_core", "evaluate", *argv, "--workspace", tmp_path / "w")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "") and "caf\\udce9, split test" in out


def test_a_blank_query_line_is_named_by_number(run) -> None:
    code, _, err = run("search", "--queries", "-", "--corpus", "stdlib", stdin="copy\n \nmove\n")
    assert code == 2 and "Line 2 of -" in err


def test_a_folder_without_code_is_said_to_be_so(run, tmp_path: Path) -> None:
    (tmp_path / "notes.bin").write_bytes(bytes(10))
    code, _, err = run("search", "x", "--corpus", tmp_path)
    assert code == 2 and str(tmp_path) in err and err.count("\n") == 1


def test_an_unknown_model_is_said_to_be_so(run, folder: Path) -> None:
    code, _, err = run("search", "x", "--corpus", folder, "--model", "./no-such-model")
    assert code == 2 and "no-such-model" in err and err.count("\n") == 1


def test_an_unusable_setting_is_named(run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESEARCH_BACKEND", "abacus")
    code, _, err = run("search", "x", "--corpus", folder)
    assert code == 2 and "CODESEARCH_BACKEND='abacus' (choose from auto, torch, openvino)" in err


@pytest.mark.full
def test_two_processes_index_the_same_corpus_at_once(folder: Path, tmp_path: Path) -> None:
    """Both finish, the model is converted once and the texts are encoded once."""
    argv = ("index", "--corpus", folder, "--workspace", tmp_path / "w", "--json")
    both = [begin("search_core", *argv), begin("search_core", *argv)]
    outputs = [json.loads(process.communicate(timeout=240)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(output["models"][0]["encoded"] for output in outputs) == [0, 3]  # two functions and a name
    (manifest,) = (tmp_path / "w" / "runtimes").glob("*/manifest.json")
    assert len(json.loads(manifest.read_text())["generations"]) == 1


def test_an_interruption_is_exit_code_130_without_a_traceback(fresh_workspace: Path) -> None:
    process = begin("search_core", "index", "--corpus", "package:datasets", "--workspace", fresh_workspace)
    assert process.stderr
    said = ""
    while "%|" not in said:  # a bar: it is at work
        said += process.stderr.read(1)
        assert process.poll() is None, said
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in said + err


def test_index_watch_follows_edits_through_errors_until_it_is_interrupted(
    tmp_path: Path, fresh_workspace: Path
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("def f():\n    return 1\n")
    process = begin(
        "search_core", "index", "--corpus", folder, "--workspace", fresh_workspace, "--watch", "--json"
    )
    assert process.stdout and process.stderr

    def files() -> int:
        assert process.stdout
        return int(json.loads(process.stdout.readline())["corpus"]["files"])

    try:
        assert files() == 1
        (folder / "b.py").write_text("def g():\n    return 2\n")
        assert files() == 2
        for path in folder.iterdir():
            path.unlink()
        while "no code to search" not in (said := process.stderr.readline()):
            assert process.poll() is None, said
        (folder / "c.py").write_text("def h():\n    return 3\n")
        assert files() == 1
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and said.endswith("interrupted; what was finished is kept\n")
    assert "caught" not in said


def test_a_workspace_in_the_way_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    process = begin("search_core", "index", "--corpus", folder, "--workspace", tmp_path / "file" / "inside")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2 and "Cannot write" in err and "Traceback" not in err
