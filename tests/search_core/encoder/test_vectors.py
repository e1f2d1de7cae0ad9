"""The vector cache: nothing is encoded twice, nothing damaged is served."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from search_core.encoder import encode_corpus, vectors
from search_core.encoder.protocol import Vectors
from search_core.store import Workspace
from search_core.types import Corpus, Document, Progress, StudioError, silent


class KeywordEncoder:
    """One axis per word: vectors to check by hand. Remembers what it was asked to encode."""

    spec, backend = "keywords", "arithmetic"

    def __init__(self, *words: str, fingerprint: str = "f" * 64) -> None:
        self.words, self.dim, self.fingerprint = words, len(words), fingerprint
        self.asked: list[str] = []

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        self.asked += texts
        progress(len(texts), len(texts))
        rows = [[text.split().count(word) for word in self.words] for text in texts]
        counts = np.array(rows, np.float32).reshape(-1, self.dim)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    encode_queries = encode_documents


@pytest.fixture
def encoder() -> KeywordEncoder:
    return KeywordEncoder("read", "write")


def corpus(*texts: str) -> Corpus:
    return Corpus("test", tuple(Document(f"d{n}", text, text) for n, text in enumerate(texts)))


def test_equal_texts_share_one_vector_in_the_order_of_their_first_document(
    encoder: KeywordEncoder, workspace: Workspace
) -> None:
    documents = corpus("write", "read", "write")
    made = encode_corpus(encoder, documents, workspace)
    assert made.keys == documents.content_keys[:2]
    assert made.vectors.tolist() == [[0, 1], [1, 0]]
    assert made.encoded == 2


def test_a_second_run_encodes_nothing(encoder: KeywordEncoder, workspace: Workspace) -> None:
    first = encode_corpus(encoder, corpus("read", "write read"), workspace)
    encoder.asked.clear()
    second = encode_corpus(encoder, corpus("read", "write read"), workspace)
    assert encoder.asked == []
    assert (second.encoded, second.seconds) == (0, 0)
    assert np.array_equal(second.vectors, first.vectors)


def test_further_texts_are_encoded_and_kept_but_are_no_documents(
    encoder: KeywordEncoder, workspace: Workspace
) -> None:
    made = encode_corpus(encoder, corpus("read"), workspace, beside=["write", "read", "write"])
    assert (made.keys, made.encoded) == (corpus("read").content_keys, 2)
    assert made.beside.tolist() == [[0, 1], [1, 0], [0, 1]]
    encoder.asked.clear()
    again = encode_corpus(encoder, corpus("read"), workspace, beside=["write"])
    assert (encoder.asked, again.encoded, again.seconds) == ([], 0, 0)


def test_a_change_encodes_only_what_is_new(encoder: KeywordEncoder, workspace: Workspace) -> None:
    encode_corpus(encoder, corpus("read", "write"), workspace)
    encoder.asked.clear()
    made = encode_corpus(encoder, corpus("write", "read read write", "read"), workspace)
    assert encoder.asked == ["read read write"]
    assert made.encoded == 1
    assert made.vectors[1] == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


def test_another_model_shares_nothing(encoder: KeywordEncoder, workspace: Workspace) -> None:
    encode_corpus(encoder, corpus("read"), workspace)
    other = KeywordEncoder("write", "read", fingerprint="e" * 64)
    assert encode_corpus(other, corpus("read"), workspace).vectors.tolist() == [[0, 1]]


def test_an_empty_corpus_has_no_vectors(encoder: KeywordEncoder, workspace: Workspace) -> None:
    assert encode_corpus(encoder, corpus(), workspace).vectors.shape == (0, 2)


@pytest.mark.parametrize("name", ["vectors", "keys", "manifest"])
@pytest.mark.parametrize("damage", ["cut", "edit", "remove"])
def test_damaged_vectors_are_encoded_again_and_never_served(
    name: str, damage: str, encoder: KeywordEncoder, workspace: Workspace
) -> None:
    encode_corpus(encoder, corpus("read", "write"), workspace)
    (path,) = workspace.root.glob(f"vectors/*/*/{name}*")
    content = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(content[:-3])
        case "edit":
            path.write_bytes(content[:-3] + b"\xff" + content[-2:])
        case "remove":
            path.unlink()
    encoder.asked.clear()
    assert encode_corpus(encoder, corpus("read", "write"), workspace).vectors.tolist() == [[1, 0], [0, 1]]
    assert encoder.asked == ["read", "write"]
    encoder.asked.clear()
    encode_corpus(encoder, corpus("read", "write"), workspace)
    assert encoder.asked == []


def test_an_interrupted_run_keeps_what_it_had(
    encoder: KeywordEncoder, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FIRST_CHECKPOINT", 2)
    monkeypatch.setattr(vectors, "LARGEST_CHECKPOINT", 2)
    texts = [f"read {number}" for number in range(6)]

    def interrupt(done: int, total: int) -> None:
        assert total == 6
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_corpus(encoder, corpus(*texts), workspace, interrupt)
    encoder.asked.clear()
    assert encode_corpus(encoder, corpus(*texts), workspace).encoded == 2
    assert encoder.asked == texts[4:]


def test_many_small_runs_leave_few_segments(encoder: KeywordEncoder, workspace: Workspace) -> None:
    texts = [f"write {number}" for number in range(40)]
    for count in range(1, 41):
        made = encode_corpus(encoder, corpus(*texts[:count]), workspace)
    assert encoder.asked == texts  # each once
    assert made.vectors.tolist() == [[0, 1]] * 40
    segments = [path for path in workspace.root.glob("vectors/*/*") if path.is_dir()]
    assert len(segments) <= 6  # sizes fall by half: 1 + 2 + 4 + 8 + 16 + 32 > 40


def test_two_processes_share_the_work(workspace: Workspace) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from search_core.encoder import encode_corpus\n"
        "from search_core.store import Workspace\n"
        "from tests.search_core.encoder.test_vectors import KeywordEncoder, corpus\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "texts = [f'read {number}' for number in range(3_000)]\n"
        "made = encode_corpus(KeywordEncoder('read'), corpus(*texts), Workspace(Path(sys.argv[1])))\n"
        "print(made.encoded, made.vectors.shape)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(workspace.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.communicate("\n")[0].strip() for process in processes]
    assert sorted(answers) == ["0 (3000, 1)", "3000 (3000, 1)"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_workspace_that_cannot_be_written_is_explained(encoder: KeywordEncoder, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StudioError, match="Cannot write"):
        encode_corpus(encoder, corpus("read"), Workspace(tmp_path / "workspace"))
