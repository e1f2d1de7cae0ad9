"""Publishing in the background: one at a time, and whoever looks sees how far it is."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from search_core.types import StudioError
from train.run import Run
from ui.training import publishing
from ui.training.publish_form import publication, split_card
from ui.training.publishing import Publication, Publishing, Request

RUN = Run("run", Path("/no/such/run"))
REQUEST = Request("alice/finder")


def ended(publishing: Publishing) -> Publication:
    deadline = time.monotonic() + 30
    while publishing.under_way:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found = publishing.of(RUN.id)
    assert found is not None
    return found


def test_what_cannot_be_published_says_why() -> None:
    publishing = Publishing()
    publishing.begin(RUN, REQUEST, None)
    found = ended(publishing)
    assert found.stage == "failed"
    assert "is no finished training run" in found.error


def test_a_malformed_name_is_refused_with_the_rule() -> None:
    publishing = Publishing()
    publishing.begin(RUN, Request("no name"), None)
    assert "it must be OWNER/NAME" in ended(publishing).error


def test_one_is_published_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(publishing, "publish", lambda *_, **__: release.wait(30))
    busy = Publishing()
    busy.begin(RUN, REQUEST, None)
    with pytest.raises(StudioError, match=r"alice/finder is being published: wait until that is done"):
        busy.begin(Run("other", Path()), Request("alice/other"), None)
    release.set()
    ended(busy)


def test_progress_result_and_error_are_worded() -> None:
    begun = Publication("run", REQUEST, done=3, total=17)
    assert "Publishing alice/finder: 3 of 17 files" in publication(begun)
    done = Publication("run", REQUEST, "done", url="https://huggingface.co/alice/finder")
    assert 'href="https://huggingface.co/alice/finder"' in publication(done)
    assert 'role="alert"' in publication(Publication("run", REQUEST, "failed", error="<b>refused"))
    assert "&lt;b&gt;refused" in publication(Publication("run", REQUEST, "failed", error="<b>refused"))


def test_a_preview_asks_for_no_picture() -> None:
    _, text = split_card("---\na: b\n---\n\n# T\n\n![Training loss at every step](training_loss.png)\n")
    assert "![" not in text
    assert "training_loss.png" not in text
