"""What every encoder promises, on the real minilm and on both backends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from search_core.encoder import Encoder, load_encoder
from search_core.settings import Settings

TEXTS = [
    "def add(a, b):\n    return a + b",
    "x",
    "class Stack:\n    def push(self, item):\n        self.items.append(item)\n"
    * 40,  # longer than 256 tokens
    "größe = '日本語' \udcff 🙂",
    "def add(a, b):\n    return a + b",
    "how to parse a date from a string",
]


@pytest.fixture(scope="module", params=["openvino", "torch"])
def encoder(request: pytest.FixtureRequest, model_workspace: Path) -> Encoder:
    return load_encoder("minilm", Settings(workspace=model_workspace, backend=request.param))


@pytest.fixture(scope="module")
def reference(minilm_folder: Path) -> Iterator[np.ndarray]:
    from sentence_transformers import SentenceTransformer

    texts = [text.encode("utf-8", "replace").decode() for text in TEXTS]
    yield SentenceTransformer(str(minilm_folder), device="cpu").encode(texts)


def test_rows_are_float32_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), 384) == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)


def test_vectors_are_those_of_sentence_transformers(encoder: Encoder, reference: np.ndarray) -> None:
    for encode in (encoder.encode_documents, encoder.encode_queries):
        assert (encode(TEXTS) * reference).sum(axis=1).min() >= 0.999


def test_a_text_alone_equals_the_same_text_among_others(encoder: Encoder) -> None:
    together = encoder.encode_queries(TEXTS)
    for row, text in enumerate(TEXTS):
        assert encoder.encode_queries([text])[0] == pytest.approx(together[row], abs=1e-5)


def test_equal_texts_get_equal_vectors(encoder: Encoder) -> None:
    vectors = encoder.encode_documents(TEXTS)
    assert (vectors[0] == vectors[4]).all()


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.encode_queries([]).shape == (0, 384)
    assert encoder.encode_documents([]).shape == (0, 384)


def test_progress_ends_at_the_number_of_distinct_texts(encoder: Encoder) -> None:
    seen: list[tuple[int, int]] = []
    encoder.encode_documents(TEXTS, lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (5, 5)


def test_many_threads_may_encode_at_once(encoder: Encoder) -> None:
    expected = encoder.encode_documents(TEXTS)
    with ThreadPoolExecutor(6) as threads:
        for vectors in threads.map(encoder.encode_documents, [TEXTS] * 6):
            assert vectors == pytest.approx(expected, abs=1e-5)


def test_the_description_says_what_computes(encoder: Encoder) -> None:
    assert encoder.backend.split()[0] in ("openvino", "torch")
    assert "threads" in encoder.backend


def test_a_second_start_needs_neither_torch_nor_transformers_nor_telemetry(
    encoder: Encoder, model_workspace: Path, tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from search_core.encoder import load_encoder\n"
        "from search_core.settings import Settings\n"
        f"encoder = load_encoder('minilm', Settings(workspace=Path({str(model_workspace)!r})))\n"
        "encoder.encode_queries(['read a file'])\n"
        "print(sorted({'torch', 'transformers', 'openvino_telemetry.main'} & sys.modules.keys()))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "[]", answer.stderr
    assert not list(tmp_path.iterdir())  # OpenVINO's telemetry would have left its identity here
