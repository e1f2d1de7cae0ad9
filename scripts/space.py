"""Upload what is committed here to a Hugging Face Space, which then builds and serves it.

python scripts/space.py OWNER/NAME [--private]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from search_core.command_line import OneLineParser, run_command  # noqa: E402
from search_core.settings import Settings  # noqa: E402
from search_core.types import StudioError  # noqa: E402
from train.hub import check_name, connect, explained  # noqa: E402

LEFT_OUT = ("tests/", "benchmarks/", ".ci/")
"""What a Space does not run."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = OneLineParser(
        prog="python scripts/space.py", description="Upload what is committed here to a Hugging Face Space."
    )
    parser.add_argument("space", metavar="OWNER/NAME")
    parser.add_argument("--private", action="store_true", help="a new Space is visible to you alone")
    parser.set_defaults(run=run, workspace=None)
    return run_command(parser, argv)


def run(args: argparse.Namespace, settings: Settings) -> None:
    print(upload(args.space, committed_files(ROOT), private=args.private))


def committed_files(root: Path) -> dict[str, Path]:
    """Path in the Space → file. Raises StudioError where a change is not committed, and without git."""
    changed = _git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise StudioError(
            f"{changed[0][3:]} has changes that are not committed. A Space gets what git has: commit first."
        )
    tracked = _git(root, "ls-files", "-z").split("\0")
    return {path: root / path for path in tracked if path and not path.startswith(LEFT_OUT)}


def upload(space: str, files: dict[str, Path], *, private: bool) -> str:
    """Make the Space hold these files and no others, in one commit. Returns its address.

    Raises StudioError for a name or token that the Hub refuses, and where it cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    check_name(space)
    with explained(space):
        api = connect(None)
        api.create_repo(space, repo_type="space", space_sdk="gradio", private=private or None, exist_ok=True)
        held = api.list_repo_files(space, repo_type="space")
        gone = [path for path in held if path not in files and path != ".gitattributes"]
        api.create_commit(
            space,
            [
                *(
                    CommitOperationAdd(path_in_repo=path, path_or_fileobj=file)
                    for path, file in files.items()
                ),
                *(CommitOperationDelete(path_in_repo=path) for path in gone),
            ],
            commit_message="Code Search Studio",
            repo_type="space",
        )
    return f"{api.endpoint}/spaces/{space}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise StudioError(f"This is no git repository, so nothing is committed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
