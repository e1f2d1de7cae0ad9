"""One engine, real code, the real bundled model: what every search promises."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from search_core.corpus import load_corpus
from search_core.engine import SearchEngine
from search_core.ranking import Weights
from search_core.settings import Settings
from search_core.types import MODES, Corpus, Document, Mode, SearchFilter, StudioError

SOURCES = {
    "shapes/area.py": '''def circle_area(radius):
    """Surface of a circle from its radius."""
    return 3.14159 * radius ** 2


def square_area(side):
    """Surface of a square from its side."""
    return side * side
''',
    "net/fetch.py": '''def download_file(url, target):
    """Download a file over HTTP and write it to disk."""
    with urlopen(url) as response, open(target, "wb") as out:
        out.write(response.read())


class HTTPRetry:
    """Repeats a failed HTTP request with growing pauses."""

    def backoff_seconds(self, attempt):
        """Pause before the next attempt, doubling each time."""
        return 2 ** attempt
''',
    "copies/one.py": "def parse_csv_line(line):\n    return line.split(',')\n",
    "copies/two.py": "def parse_csv_line(line):\n    return line.split(',')\n",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("sources")
    for path, text in SOURCES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    return load_corpus(str(root), Settings(workspace=root.parent / "workspace"))


@pytest.fixture(scope="module")
def engine(corpus: Corpus, model_workspace: Path) -> SearchEngine:
    engine = SearchEngine(corpus, Settings(workspace=model_workspace))
    engine.add_model("minilm")
    return engine


def symbols(engine: SearchEngine, query: str, mode: Mode, k: int = 10) -> list[str | None]:
    return [hit.document.symbol for hit in engine.search(query, k, model="minilm", mode=mode).hits]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("surface of a circle", "circle_area"),
        ("save something from an HTTP url to disk", "download_file"),
        ("split a csv line", "parse_csv_line"),
    ],
)
def test_plain_language_finds_the_function(
    engine: SearchEngine, mode: Mode, query: str, expected: str
) -> None:
    assert symbols(engine, query, mode)[0] == expected


def test_dense_finds_by_meaning_what_shares_no_word(engine: SearchEngine) -> None:
    assert symbols(engine, "exponential delay between retries", "dense")[0] in {
        "HTTPRetry",
        "HTTPRetry.backoff_seconds",
    }


def test_lexical_finds_a_part_of_an_identifier(engine: SearchEngine) -> None:
    assert symbols(engine, "backoff", "lexical")[0] == "HTTPRetry.backoff_seconds"


@pytest.mark.parametrize("mode", MODES)
def test_equal_texts_score_equal_and_come_in_descending_id(model_workspace: Path, mode: Mode) -> None:
    texts = {"b": "split a csv line", "a": "split a csv line", "c": "open a door"}
    documents = tuple(Document(id, text, text) for id, text in texts.items())
    engine = SearchEngine(Corpus("dataset:made", documents), Settings(workspace=model_workspace))
    engine.add_model("minilm")
    first, second = engine.search("csv line", 2, model="minilm", mode=mode).hits
    assert (first.document.id, second.document.id) == ("b", "a")
    assert first.score == second.score


def test_ranks_count_from_one_and_scores_never_rise(engine: SearchEngine) -> None:
    hits = engine.search("area of a square", 7, model="minilm").hits
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5, 6, 7]
    assert all(above.score >= below.score for above, below in itertools.pairwise(hits))


def test_k_above_the_corpus_returns_all(engine: SearchEngine, corpus: Corpus) -> None:
    assert len(engine.search("anything", 1_000, model="minilm").hits) == len(corpus.documents) == 7


def test_lexical_returns_only_what_shares_a_word(engine: SearchEngine) -> None:
    assert engine.search("zebra", mode="lexical").hits == []


def test_the_lexical_result_names_no_model(engine: SearchEngine) -> None:
    result = engine.search("circle", model="minilm", mode="lexical")
    assert (result.model, result.mode) == (None, "lexical")


@pytest.mark.parametrize("mode", MODES)
def test_a_path_filter_is_part_of_the_search(engine: SearchEngine, mode: Mode) -> None:
    found = engine.search(
        "parse csv line", 5, model="minilm", mode=mode, filter=SearchFilter(path="copies/one.py")
    ).hits
    assert {hit.document.path for hit in found} == {"copies/one.py"}


def test_a_path_filter_reads_like_gitignore(engine: SearchEngine) -> None:
    found = engine.search("file", 10, model="minilm", filter=SearchFilter(path="net/**")).hits
    assert {hit.document.path for hit in found} == {"net/fetch.py"}


def test_a_filter_that_fits_nothing_finds_nothing(engine: SearchEngine) -> None:
    assert engine.search("file", model="minilm", filter=SearchFilter(path="*.rs")).hits == []


def test_an_unknown_language_names_those_there_are(engine: SearchEngine) -> None:
    with pytest.raises(StudioError, match="'cobol'; this corpus has: python"):
        engine.search("file", model="minilm", filter=SearchFilter(language="cobol"))


@pytest.mark.parametrize("mode", MODES)
def test_many_queries_at_once_rank_as_one_at_a_time(engine: SearchEngine, mode: Mode) -> None:
    queries = ["surface of a circle", "download", "csv"]
    together = engine.rank(queries, 5, model="minilm", mode=mode)
    alone = [
        [hit.document.id for hit in engine.search(q, 5, model="minilm", mode=mode).hits] for q in queries
    ]
    assert [ranking.ids for ranking in together] == alone


@pytest.mark.parametrize(
    ("query", "k", "sentence"),
    [
        ("", 10, "query is empty"),
        (" \n\t", 10, "query is empty"),
        ("x" * 100_000, 10, "100,000 characters"),
        ("x", 0, "k must be between 1 and 1,000, got 0"),
        ("x", 10_000_000, "k must be between 1 and 1,000, got 10,000,000"),
    ],
)
def test_an_unusable_request_says_what_is_wrong(
    engine: SearchEngine, query: str, k: int, sentence: str
) -> None:
    with pytest.raises(StudioError, match=sentence):
        engine.search(query, k, model="minilm")


def test_a_model_that_was_not_added_is_named(engine: SearchEngine) -> None:
    with pytest.raises(StudioError, match=r"'e5' is not ready.*ready: minilm"):
        engine.search("file", model="e5")


def test_a_corpus_without_documents_is_refused(settings: Settings) -> None:
    with pytest.raises(StudioError, match="no documents"):
        SearchEngine(Corpus("empty", ()), settings)


def test_a_second_engine_over_the_same_corpus_encodes_nothing(
    corpus: Corpus, engine: SearchEngine, model_workspace: Path
) -> None:
    again = SearchEngine(corpus, Settings(workspace=model_workspace)).add_model("minilm")
    assert again.encoded == 0 and len(again.index) == len(engine.model("minilm").index)


def test_a_new_document_costs_one_encode(corpus: Corpus, engine: SearchEngine, model_workspace: Path) -> None:
    text = "def f(): return 'fresh'"
    added = Document("shapes/area.py::f", text, text, path="shapes/area.py")
    changed = Corpus(corpus.spec, (*corpus.documents[1:], added))
    ready = SearchEngine(changed, Settings(workspace=model_workspace)).add_model("minilm")
    assert ready.encoded == 1


def test_a_damaged_index_is_rebuilt_not_served(corpus: Corpus, model_workspace: Path) -> None:
    settings = Settings(workspace=model_workspace)
    before = SearchEngine(corpus, settings)
    before.add_model("minilm")
    for file in (model_workspace / "indexes").rglob("*"):
        if file.is_file() and file.name not in ("manifest.json", ".lock"):
            whole = file.read_bytes()
            file.unlink()  # a new file: the first engine has the old one mapped
            file.write_bytes(whole[:-7])
    after = SearchEngine(corpus, settings)
    assert after.add_model("minilm").encoded == 0  # the vectors were whole
    assert symbols(after, "surface of a circle", "dense") == symbols(before, "surface of a circle", "dense")


def test_an_index_without_the_vectors_of_its_files_gets_them(corpus: Corpus, model_workspace: Path) -> None:
    settings = Settings(workspace=model_workspace)
    before = SearchEngine(corpus, settings).add_model("minilm")
    shutil.rmtree(
        next((model_workspace / "indexes" / corpus.id).glob("*/files"))
    )  # as an earlier version left it
    after = SearchEngine(corpus, settings).add_model("minilm")
    assert after.encoded == 0 and before.files is not None and after.files is not None
    assert after.files.tolist() == before.files.tolist()


def test_hybrid_search_weighs_what_a_file_is_about(corpus: Corpus, model_workspace: Path) -> None:
    def lead(weight: float) -> float:
        """Of the one document in a file about it before one that shares as little with the query."""
        weights = Weights(file=weight, coherence=0, repeated=0)
        engine = SearchEngine(corpus, Settings(workspace=model_workspace), weights)
        engine.add_model("minilm")
        hits = engine.search("fetch over the network", model="minilm", mode="hybrid").hits
        scores = {hit.document.symbol: hit.score for hit in hits}
        return scores["HTTPRetry.backoff_seconds"] - scores["square_area"]

    assert lead(1) > lead(0) + 1  # in standard scores


@pytest.mark.parametrize("mode", MODES)
def test_code_like_a_hit_is_found_without_the_hit_itself(engine: SearchEngine, mode: Mode) -> None:
    circle = engine.document_at("shapes/area.py", 2)
    assert circle.symbol == "circle_area"
    hits = engine.similar(circle, 1, model="minilm", mode=mode).hits
    assert [hit.document.symbol for hit in hits] == ["square_area"]


def test_what_code_calls_is_not_like_it(tmp_path: Path, settings: Settings) -> None:
    """Lexically; names that the code says would otherwise lead to their definitions."""
    copying = "def copy_{0}s(a, b):\n    for {0} in read_lines(a):\n        write_line(b, {0})\n"
    (tmp_path / "copy.py").write_text(f"{copying.format('line')}\n\n{copying.format('row')}")
    reading = "def read_lines(source):\n    return source.readlines()\n"
    writing = "def write_line(target, line):\n    target.write(line)\n"
    (tmp_path / "io.py").write_text(f"{reading}\n\n{writing}")
    engine = SearchEngine(load_corpus(str(tmp_path), settings), settings)
    hits = engine.similar(engine.document_at("copy.py", 1), mode="lexical").hits
    assert hits[0].document.symbol == "copy_rows"


def test_many_queries_rank_in_portions(engine: SearchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = ["surface of a circle", "download", "split a csv line"]
    whole = engine.rank(queries, 3, mode="lexical")
    monkeypatch.setattr("search_core.engine.PORTION", 2)
    assert [ranking.ids for ranking in engine.rank(queries, 3, mode="lexical")] == [one.ids for one in whole]


def test_a_copy_is_the_most_similar_code(engine: SearchEngine) -> None:
    (copy,) = engine.similar(engine.document_at("copies/one.py", 1), 1, model="minilm").hits
    assert copy.document.path == "copies/two.py"
    assert copy.score > 0.95


def test_the_innermost_document_holds_a_line(engine: SearchEngine) -> None:
    assert engine.document_at("net/fetch.py", 10).symbol == "HTTPRetry.backoff_seconds"
    assert engine.document_at("net/fetch.py", 8).symbol == "HTTPRetry"


@pytest.mark.parametrize(
    ("path", "line", "reason"),
    [("net/fetch.py", 999, "no document at line 999: net/fetch.py"), ("no.py", 1, "no such file: no.py")],
)
def test_a_place_that_is_not_there_is_named(engine: SearchEngine, path: str, line: int, reason: str) -> None:
    with pytest.raises(StudioError, match=reason):
        engine.document_at(path, line)


def test_after_an_edit_the_same_models_search_the_new_state_and_the_old_engine_the_old(
    tmp_path: Path, model_workspace: Path
) -> None:
    settings = Settings(workspace=model_workspace)
    (tmp_path / "a.py").write_text(SOURCES["shapes/area.py"])
    (tmp_path / "b.py").write_text(SOURCES["copies/one.py"])
    before = SearchEngine(load_corpus(str(tmp_path), settings), settings)
    before.add_model("minilm")
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    (tmp_path / "a.py").write_text("def triangle_area(base, height):\n    return base * height / 2\n")
    after = before.over(load_corpus(str(tmp_path), settings))
    assert after.models == ("minilm",)
    assert after.model("minilm").encoded == 3  # the new function, what is in another file now, its name
    assert symbols(after, "area", "hybrid")[0] == "triangle_area"
    assert {hit.document.path for hit in after.search("csv", mode="lexical").hits} == {"c.py"}
    assert "circle_area" in symbols(before, "area", "hybrid")
    assert {hit.document.path for hit in before.search("csv", mode="lexical").hits} == {"b.py"}
