"""Coding agents search over MCP, on the port of the page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.types import Tool

from tests.e2e.agent import called, run, session
from tests.e2e.offered import CODE
from tests.e2e.studio import Studio


def answer(studio: Studio, tool: str, **arguments: Any) -> Any:
    """The object that a tool answers with."""
    result = run(called(studio.url, tool, arguments))
    assert not result.isError, result.content
    (content,) = result.content
    return json.loads(content.text)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def tools(studio: Studio) -> dict[str, Tool]:
    async def listed() -> dict[str, Tool]:
        async with session(studio.url) as agent:
            return {tool.name: tool for tool in (await agent.list_tools()).tools}

    return run(listed())


def test_the_tools_are_the_public_api(tools: dict[str, Tool]) -> None:
    assert set(tools) == {"search", "compare_search", "evaluate", "corpora"}


def test_each_tool_and_argument_is_described(tools: dict[str, Tool]) -> None:
    for tool in tools.values():
        assert tool.description, tool.name
        for name, schema in tool.inputSchema.get("properties", {}).items():
            assert schema.get("description"), f"{tool.name}: {name}"
    search = tools["search"].inputSchema
    assert search["required"] == ["query", "corpus", "model"]
    assert search["properties"]["mode"]["enum"] == ["dense", "lexical", "hybrid"]


def test_an_agent_searches_what_corpora_lists(studio: Studio) -> None:
    assert CODE in [corpus["spec"] for corpus in answer(studio, "corpora")]
    asked = {"query": "escape special characters of a pattern", "corpus": CODE, "model": "minilm"}
    found = answer(studio, "search", **asked, k=3)
    assert found["corpus"] == {"spec": CODE, "documents": 183}
    (result,) = found["results"]
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3]
    assert "escape" in [hit["symbol"].rpartition(".")[2] for hit in result["hits"]]
    assert all(hit["path"].endswith(".py") for hit in result["hits"])


def test_an_agent_compares_two_models(studio: Studio) -> None:
    asked = {"query": "escape a pattern", "corpus": CODE, "model_a": "minilm", "model_b": "studio"}
    found = answer(studio, "compare_search", **asked)
    assert [result["model"] for result in found["results"]] == ["minilm", "studio"]


def test_what_an_agent_can_mend_comes_back_as_a_sentence(studio: Studio) -> None:
    asked = {"query": "escape", "corpus": "/etc", "model": "minilm"}
    result = run(called(studio.url, "search", asked))
    assert result.isError
    (content,) = result.content
    assert content.text.startswith("Corpus '/etc' is not offered here; choose from ")  # type: ignore[union-attr]


def test_an_agent_that_reaches_this_machine_under_another_name_is_not_the_owner(studio: Studio) -> None:
    asked = {"corpus": CODE, "model": None, "mode": "lexical"}
    result = run(called(studio.url, "evaluate", asked, {"Host": "foreign.example"}))
    assert result.isError
    (content,) = result.content
    assert content.text.startswith("Evaluating is for the owner")  # type: ignore[union-attr]
