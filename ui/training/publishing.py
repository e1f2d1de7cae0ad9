"""Publishing from the page: one at a time, in the background; whoever looks sees how far it is."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import Literal

from search_core.types import StudioError
from train.model_card import What
from train.publish import publish
from train.run import Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What is to be published where; see train.publish."""

    repo_id: str
    what: What = "merged"
    private: bool = True
    create_pr: bool = False


@dataclass(frozen=True)
class Publication:
    """done, total: files; total is 0 before the first. url: where it is now. error: why it is not."""

    run_id: str
    request: Request
    stage: Literal["working", "done", "failed"] = "working"
    done: int = 0
    total: int = 0
    url: str = ""
    error: str = ""


class Publishing:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, Publication] = {}  # by run

    @property
    def under_way(self) -> Publication | None:
        with self._lock:
            return next((one for one in self._latest.values() if one.stage == "working"), None)

    def of(self, run_id: str) -> Publication | None:
        """The latest attempt with this run, since the server was started."""
        with self._lock:
            return self._latest.get(run_id)

    def begin(self, run: Run, request: Request, token: str | None) -> None:
        """token: None takes the login's, or HF_TOKEN. Raises StudioError while another one is under way."""
        with self._lock:
            for one in self._latest.values():
                if one.stage == "working":
                    raise StudioError(f"{one.request.repo_id} is being published: wait until that is done.")
            self._latest[run.id] = Publication(run.id, request)
        threading.Thread(
            target=self._publish, args=(run, request, token), name="publishing", daemon=True
        ).start()

    def _publish(self, run: Run, request: Request, token: str | None) -> None:
        try:
            published = publish(
                run.folder,
                request.repo_id,
                what=request.what,
                private=request.private,
                create_pr=request.create_pr,
                token=token,
                progress=lambda done, total: self._record(run.id, done=done, total=total),
            )
            self._record(run.id, stage="done", url=published.url)
        except StudioError as error:
            self._record(run.id, stage="failed", error=str(error))
        except Exception as error:  # a bug must not leave the page waiting for ever
            logger.exception("publishing %s failed", request.repo_id)
            self._record(run.id, stage="failed", error=f"{type(error).__name__}: see the server's log.")

    def _record(self, run_id: str, **changed: object) -> None:
        with self._lock:
            self._latest[run_id] = replace(self._latest[run_id], **changed)  # type: ignore[arg-type]
