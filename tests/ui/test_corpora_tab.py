"""What the Corpora tab shows as under way is looked at again, until it has been seen to be over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from search_core.settings import Settings
from tests.ui.samples import write_sources
from ui.access import Access
from ui.corpora.tab import CorporaTab, Outputs, Seen
from ui.offering.details import CorpusDetails
from ui.offering.services import Services


class Hasty(Services):
    """All of its work ends as soon as somebody has looked at it."""

    seen = False

    @property
    def preparing(self) -> bool:
        return not self.seen

    def all_details(self) -> list[CorpusDetails]:
        self.seen = True
        return super().all_details()


@pytest.fixture
def tab(tmp_path: Path, settings: Settings) -> CorporaTab:
    return CorporaTab(Hasty([write_sources(tmp_path)], ["minilm"], settings), Access("127.0.0.1"))


def look(tab: CorporaTab, seen: Seen) -> Outputs:
    request: Any = gr.Request(Request({"type": "http", "headers": []}))
    return Outputs(*tab.look(request, seen))


def test_what_ends_while_it_is_looked_at_is_looked_at_again(tab: CorporaTab) -> None:
    first = look(tab, Seen())
    assert "waiting" in first.corpora
    assert first.timer.active
    assert not look(tab, first.seen).timer.active


def test_the_last_look_sends_what_an_overtaken_answer_may_have_hidden(tab: CorporaTab) -> None:
    first = look(tab, Seen())
    assert look(tab, first.seen).corpora == first.corpora
