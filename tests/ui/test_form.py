"""What the Search tab fills in, and what it leaves to the visitor who is typing."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import Any

import gradio as gr
import pytest

from search_core.settings import Settings
from ui.access import Access
from ui.offering.services import Services
from ui.pieces import html
from ui.search import tab
from ui.search.asks import Ask, default_ask
from ui.search.form import Inputs, filled


@pytest.fixture
def services(settings: Settings) -> Services:
    return Services(["stdlib", "package:pathspec"], ["minilm", "studio"], settings)  # never started


def values(services: Services, ask: Ask, given: Ask | None) -> dict[str, Any]:
    """Of the inputs that get one."""
    found = {}
    for field, update in zip(fields(Ask), filled(services, ask, given), strict=True):
        if isinstance(update, gr.Dropdown):
            if "value" in update._constructor_args[0]:
                found[field.name] = update.value
        elif update != gr.skip():
            found[field.name] = update
    return found


def test_the_fields_of_an_ask_are_the_inputs_in_their_order() -> None:
    assert [field.name for field in fields(Ask)] == [field.name for field in fields(Inputs)]


def test_a_new_page_gets_every_value(services: Services) -> None:
    ask = replace(default_ask(services), q="walk", path="src/", similar="a.py::walk")
    assert values(services, ask, None) == {field.name: getattr(ask, field.name) for field in fields(Ask)}


def test_a_text_that_the_address_does_not_name_may_be_typed_by_now_and_is_not_sent(
    services: Services,
) -> None:
    assert not {"q", "path"} & values(services, default_ask(services), None).keys()


def test_what_stays_is_not_sent_so_that_nobody_is_interrupted(services: Services) -> None:
    ask = replace(default_ask(services), q="walk", path="src/")
    assert values(services, ask, ask) == {}
    assert values(services, replace(ask, b="keywords"), ask) == {"b": "keywords"}


def test_choices_are_always_those_that_there_are(services: Services) -> None:
    ask = default_ask(services)
    services.add_model("sentence-transformers/all-MiniLM-L12-v2")
    left = filled(services, ask, ask)[2]
    assert ("sentence-transformers/all-MiniLM-L12-v2",) * 2 in left.choices


async def page_with_search(services: Services) -> gr.Blocks:
    """Async, for outside of a loop Gradio makes some that nobody closes."""
    with gr.Blocks() as page:
        head = html(elem_id="head", js_on_load="trigger('open')")
        with gr.Tabs() as tabs, gr.Tab("Search") as search:
            tab.build(services, Access("127.0.0.1"), search, page, head, tabs)
    return page


def test_whatever_may_say_that_something_is_being_prepared_starts_the_timer(services: Services) -> None:
    page = asyncio.run(page_with_search(services))
    (banner,) = (id for id, block in page.blocks.items() if getattr(block, "elem_id", None) == "banner")
    (timer,) = (id for id, block in page.blocks.items() if isinstance(block, gr.Timer))
    outputs = [{output._id for output in listener.outputs} for listener in page.fns.values()]
    saying = [ids for ids in outputs if banner in ids]
    # Two searches, another corpus, what is clicked in three pieces, opening, looking, returning, links.
    assert len(saying) == 10
    assert all(timer in ids for ids in saying)
