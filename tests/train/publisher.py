"""The Hub's real client, in a process of its own that publishes a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fake_hub import Account, FakeHub
from tests.warm_python import WarmPython

TOKEN = "hf_thisMustStayBetweenUsAndTheHub"  # noqa: S105
REPO = "alice/code-finder"

CLIENT = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from search_core.types import StudioError
from train.publish import publish

folder, repo_id, options, hasty = sys.argv[1:]
if hasty:  # the client waits up to 8 seconds between its tries
    import time
    time.sleep = lambda seconds: None
seen = []
try:
    published = publish(Path(folder), repo_id, **json.loads(options), progress=lambda *at: seen.append(at))
    print(json.dumps(asdict(published) | {"seen": seen}))
except StudioError as error:
    sys.exit(f"error: {error}")
"""


class Publisher:
    """Publishes a run to a hub with the token that is in its environment."""

    def __init__(self, python: WarmPython, hub: FakeHub, folder: Path, cache: Path) -> None:
        self.python, self.hub, self.folder, self.cache = python, hub, folder, cache
        self.environment = hub.environment(self.cache) | {"HF_TOKEN": TOKEN}
        self.said = ""

    def attempt(self, repo_id: str = REPO, hasty: bool = False, **options: Any) -> tuple[int, str]:
        """Exit code and what was said."""
        arguments = (str(self.folder), repo_id, json.dumps(options), "hasty" if hasty else "")
        done = self.python.run(CLIENT, *arguments, environment=self.environment)
        self.said += done.stdout + done.stderr
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr

    def publish(self, repo_id: str = REPO, **options: Any) -> dict[str, Any]:
        code, said = self.attempt(repo_id, **options)
        assert code == 0, said
        answer: dict[str, Any] = json.loads(said)
        return answer

    def refusal(self, repo_id: str = REPO, **options: Any) -> str:
        """The one line that says why it did not work; the client's own warnings come before it."""
        code, said = self.attempt(repo_id, **options)
        assert code == 1, said
        assert "Traceback" not in said
        (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert said.endswith(f"{line}\n")
        return line


@contextmanager
def publishing_hub(folder: Path) -> Iterator[FakeHub]:
    """A hub that knows alice by two tokens, one of which may write."""
    with FakeHub(folder) as hub:
        hub.accounts = {TOKEN: Account("alice"), "hf_reader": Account("alice", may_write=False)}
        yield hub


def code_on_card(hub: FakeHub) -> str:
    """The program with which the model card shows how the model is used."""
    (code,) = re.findall(r"```python\n(.+?)```", hub.files(REPO)["README.md"].decode(), re.DOTALL)
    return str(code)
