"""Named endpoints: the page's public API, seen by gradio_client and MCP. Objects are docs/reference.md's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr
from mcp.types import TextContent

from search_core.types import EvaluationProtocol, Mode, SearchFilter
from ui.access import Access
from ui.lanes import Lane
from ui.metrics.evaluations import Evaluations
from ui.offering.services import Services
from ui.pieces import told


def add_endpoints(services: Services, access: Access, evaluations: Evaluations) -> None:
    """Register /search, /compare_search, /evaluate and /corpora; call inside gr.Blocks."""
    _add_searches(services)
    _add_evaluation(access, evaluations)

    def corpora() -> list[dict[str, Any]]:
        """The corpora that can be searched now, with their documents, files, languages and ready models."""
        return services.described()

    gr.api(corpora, api_name="corpora")


def _add_searches(services: Services) -> None:
    @told
    def search(
        query: str,
        corpus: str,
        model: str | None,
        mode: Mode = "dense",
        k: int = 10,
        language: str | None = None,
        path: str | None = None,
    ) -> dict[str, Any]:
        """Search a corpus for code that does what the query says.

        Args:
            query: what the code should do, in plain language
            corpus: a corpus that /corpora lists
            model: a model that /corpora lists; not needed in lexical mode
            mode: dense, lexical or hybrid; while vectors are being made lexical serves, as the result says
            k: how many hits, 1 to 1,000
            language: only documents in this language, a lower-case name that /corpora lists
            path: only paths that match this gitignore-style glob
        """
        filter = SearchFilter(language or None, path or None)
        return services.search_object(query, k, corpus, [Lane(model, mode)], filter)

    @told
    def compare_search(
        query: str,
        corpus: str,
        model_a: str | None,
        model_b: str | None,
        mode: Mode = "dense",
        k: int = 10,
        mode_b: Mode | None = None,
    ) -> dict[str, Any]:
        """Search a corpus with two models, or with one in two modes.

        Args:
            query: what the code should do, in plain language
            corpus: a corpus that /corpora lists
            model_a: the first model
            model_b: the second model
            mode: dense, lexical or hybrid
            k: how many hits of each, 1 to 1,000
            mode_b: the second model's mode, where it is not the same
        """
        lanes = Lane(model_a, mode), Lane(model_b, mode_b or mode)
        return services.search_object(query, k, corpus, lanes)

    limits: dict[str, Any] = {"concurrency_limit": 40, "concurrency_id": "search"}
    gr.api(search, api_name="search", **limits)
    gr.api(compare_search, api_name="compare_search", **limits)


def _add_evaluation(access: Access, evaluations: Evaluations) -> None:
    @told
    def evaluate(
        request: gr.Request,
        corpus: str,
        model: str | None,
        split: str = "valid",
        mode: Mode = "dense",
        protocol: EvaluationProtocol = "content",
    ) -> dict[str, Any]:
        """Measure how well a model finds what the judged queries of a corpus ask for. For the owner alone.

        Args:
            corpus: a corpus that /corpora lists
            model: a model that /corpora lists; not needed in lexical mode
            split: train, valid or test
            mode: dense, lexical or hybrid
            protocol: content counts equal documents once; official keeps every id, as published tables do
        """
        access.require(request, "Evaluating")
        report = evaluations.run(corpus, model, split, mode, protocol).as_dict()
        del report["per_query"]
        return report

    gr.api(evaluate, api_name="evaluate")


def speak_json(page: gr.Blocks) -> None:
    """Have the MCP server answer with the objects as JSON, where Gradio writes Python's notation.

    Call after launch.
    """

    def content(data: Sequence[Any], root_url: str) -> list[TextContent]:
        return [TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data]

    page.mcp_server_obj.postprocess_output_data = content
