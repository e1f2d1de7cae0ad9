"""The page's named endpoints, called by gradio_client as any program would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.e2e.studio import Studio, running

MODELS = ["minilm", "studio"]
CIRCLE = '''def circle_area(radius):
    """Surface of a circle from its radius."""
    return 3.14159 * radius ** 2'''
SQUARE = '''def square_area(side):
    """Surface of a square from its side."""
    return side * side'''
DOWNLOAD = '''def download_file(url, target):
    """Download a file over HTTP and write it to disk."""
    target.write_bytes(urlopen(url).read())'''


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("sources")
    for folder, text in (("shapes", f"{CIRCLE}\n\n\n{SQUARE}\n"), ("net", f"{DOWNLOAD}\n")):
        (root / folder).mkdir()
        (root / folder / "code.py").write_text(text)
    return str(root)


@pytest.fixture(scope="module")
def studio(corpus: str, conversions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with running([corpus], tmp_path_factory.mktemp("studio"), conversions=conversions) as studio:
        studio.wait_for_models()
        yield studio


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[Client]:
    client = Client(studio.url, verbose=False)
    yield client
    client.close()


def test_search_returns_the_search_object(client: Client, corpus: str) -> None:
    found = client.predict("surface of a circle", corpus, "minilm", k=1, api_name="/search")
    assert found["query"] == "surface of a circle"
    assert found["corpus"] == {"spec": corpus, "documents": 3}
    (result,) = found["results"]
    assert (result["model"], result["mode"]) == ("minilm", "dense")
    assert result["latency_ms"] > 0
    (hit,) = result["hits"]
    assert 0 < hit.pop("score") <= 1
    assert hit.pop("id")
    assert hit == {
        "rank": 1,
        "path": "shapes/code.py",
        "symbol": "circle_area",
        "kind": "function",
        "language": "python",
        "start_line": 1,
        "end_line": 3,
        "text": CIRCLE,
        "url": None,
    }


def test_filters_are_part_of_a_search(client: Client, corpus: str) -> None:
    call = {"model": "minilm", "language": "python", "path": "net/*", "api_name": "/search"}
    found = client.predict("surface of a circle", corpus, **call)
    assert {hit["path"] for hit in found["results"][0]["hits"]} == {"net/code.py"}


def test_two_lanes_are_compared_in_one_call(client: Client, corpus: str) -> None:
    call = {"mode": "hybrid", "mode_b": "lexical", "api_name": "/compare_search"}
    found = client.predict("download a file", corpus, "minilm", None, **call)
    assert [(result["model"], result["mode"]) for result in found["results"]] == [
        ("minilm", "hybrid"),
        (None, "lexical"),
    ]


def test_evaluate_returns_the_report_without_its_queries(client: Client, studio: Studio, corpus: str) -> None:
    report = client.predict(corpus, "minilm", split="train", api_name="/evaluate")
    assert set(report) == {
        *("corpus", "split", "protocol", "model", "model_fingerprint", "mode", "derived_qrels", "queries"),
        *("skipped_queries", "documents", "metrics", "timing", "environment"),
    }
    assert (report["corpus"], report["model"], report["mode"]) == (corpus, "minilm", "dense")
    assert (report["queries"], report["documents"], report["derived_qrels"]) == (3, 3, True)
    assert report["metrics"]["recall@5"] == 1.0  # of three documents
    (stored,) = (studio.workspace / "reports").glob("*.json")
    assert len(json.loads(stored.read_text())["per_query"]) == 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"corpus": "/etc"}, "Corpus '/etc' is not offered here"),
        ({"model": "owner/name"}, "Model 'owner/name' is not offered here"),
        ({"split": "all"}, "no split 'all'"),
        ({"mode": "fast"}, "Mode 'fast' is not offered here"),
        ({"protocol": "mine"}, "Protocol 'mine' is not offered here"),
    ],
)
def test_evaluate_measures_only_what_is_offered(
    client: Client, corpus: str, given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AppError, match=reason):
        client.predict(**{"corpus": corpus, "model": "minilm", **given}, api_name="/evaluate")


def test_corpora_lists_what_can_be_searched(client: Client, corpus: str) -> None:
    (described,) = client.predict(api_name="/corpora")
    assert (described["spec"], described["documents"], described["models"]) == (corpus, 3, MODELS)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"query": " "}, "The query is empty"),
        ({"query": "x" * 100_000}, "at most 10,000 are searched"),
        ({"k": 0}, "k must be between 1 and 1,000"),
        ({"k": 10_000_000}, "k must be between 1 and 1,000"),
        ({"corpus": "/etc"}, "Corpus '/etc' is not offered here"),
        ({"model": "x"}, "Model 'x' is not offered here"),
        ({"model": None}, "Model None is not offered here"),
    ],
)
def test_what_the_caller_can_mend_comes_back_as_a_sentence(
    client: Client, corpus: str, given: dict[str, Any], reason: str
) -> None:
    call = {"query": "download", "corpus": corpus, "model": "minilm", **given}
    with pytest.raises(AppError, match=reason):
        client.predict(**call, api_name="/search")


def test_only_the_documented_endpoints_are_public(client: Client) -> None:
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {  # type: ignore[index]
        *("/search", "/compare_search", "/evaluate", "/corpora")
    }


def test_health_names_what_is_ready(studio: Studio, corpus: str) -> None:
    assert studio.health() == {
        "status": "ok",
        "models": MODELS,
        "corpora": [{"spec": corpus, "modes": ["dense", "lexical", "hybrid"]}],
    }
