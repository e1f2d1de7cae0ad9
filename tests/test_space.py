"""`make space`: what is committed becomes a Space, by the Hub's real client; what it refuses is one line."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scripts.space import committed_files
from scripts.space import upload as upload_space
from search_core.types import StudioError
from tests.fake_hub import Account, FakeHub, hub_environment

ROOT = Path(__file__).parents[1]
TOKEN = "hf_thisMustStayBetweenUsAndTheHub"  # noqa: S105
SPACE = "alice/code-search"
PROGRAM = """
import sys
from pathlib import Path
from scripts import space
space.ROOT = Path(sys.argv.pop(1))
sys.exit(space.main(sys.argv[1:]))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub(tmp_path / "hub") as hub:
        hub.accounts = {TOKEN: Account("alice")}
        yield hub


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with an app, and with what a Space does not run."""
    root = tmp_path / "checkout"
    for name in ("app.py", "README.md", "ui/page.py", "tests/test_app.py", "benchmarks/speed.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    git(root, "init", "--quiet")
    commit(root)
    (root / "notes.txt").write_text("mine alone")
    return root


def git(root: Path, *arguments: str) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *arguments], cwd=root, check=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")


def upload(root: Path, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(root), *(arguments or (SPACE,))]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]  # the client's own warnings come before it
    assert line.startswith("error: ") and "Traceback" not in done.stderr
    return line.removeprefix("error: ")


@pytest.fixture
def environment(hub: FakeHub, tmp_path: Path) -> dict[str, str]:
    return hub.environment(tmp_path / "cache") | {"HF_TOKEN": TOKEN}


def test_a_space_holds_what_is_committed_without_tests_and_benchmarks(
    hub: FakeHub, checkout: Path, environment: dict[str, str]
) -> None:
    done = upload(checkout, environment)
    assert (done.returncode, done.stdout) == (0, f"{hub.url}/spaces/{SPACE}\n"), done.stderr
    held = hub.files(SPACE, "spaces")
    assert set(held) == {".gitattributes", "README.md", "app.py", "ui/page.py"}
    assert held["app.py"] == b"# app.py\n"
    assert TOKEN not in done.stdout + done.stderr


def test_what_is_no_longer_committed_leaves_the_space_in_the_same_commit(
    hub: FakeHub, checkout: Path, environment: dict[str, str]
) -> None:
    upload(checkout, environment)
    (checkout / "ui/page.py").unlink()
    (checkout / "app.py").write_text("# new\n")
    git(checkout, "commit", "--all", "--quiet", "--message", "x")
    assert upload(checkout, environment).returncode == 0
    assert set(hub.files(SPACE, "spaces")) == {".gitattributes", "README.md", "app.py"}
    assert hub.files(SPACE, "spaces")["app.py"] == b"# new\n"
    assert len([request for request in hub.requests if "/commit/" in request]) == 2


def test_a_space_can_be_private(hub: FakeHub, checkout: Path, environment: dict[str, str]) -> None:
    assert upload(checkout, environment, SPACE, "--private").returncode == 0
    assert hub.private == {SPACE}


def test_changes_that_are_not_committed_are_not_uploaded(checkout: Path) -> None:
    (checkout / "app.py").write_text("# half done\n")
    with pytest.raises(
        StudioError, match=r"^app.py has changes that are not committed. A Space gets what git has"
    ):
        committed_files(checkout)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("hf_expired", "The Hugging Face Hub does not accept your token, it may have expired: "),
        (
            "hf_bob",
            f"Your token may not write to {SPACE} (You don't have the rights to create a space here): ",
        ),
        ("", "You are not logged in to the Hugging Face Hub: "),
    ],
)
def test_a_token_that_may_not_write_is_refused_in_words(
    hub: FakeHub, checkout: Path, environment: dict[str, str], token: str, sentence: str
) -> None:
    hub.accounts["hf_bob"] = Account("bob")
    assert refusal(upload(checkout, environment | {"HF_TOKEN": token})).startswith(sentence)


@pytest.mark.parametrize("name", ["alone", "", "alice/a--b"])
def test_a_bad_name_is_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(StudioError, match=f"^{name!r} is no repository name: "):
        upload_space(name, {}, private=False)


def test_without_network_it_says_so_at_once(checkout: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    nowhere = hub_environment(url, tmp_path / "cache") | {"HF_TOKEN": TOKEN}
    assert refusal(upload(checkout, nowhere)).startswith(f"The Hugging Face Hub ({url}) cannot be reached")
