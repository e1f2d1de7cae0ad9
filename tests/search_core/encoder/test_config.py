"""A model's own configuration is honoured, on both backends, as sentence-transformers honours it."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from search_core.encoder import load_encoder
from search_core.encoder.config import read_config
from search_core.settings import Backend, Settings
from search_core.types import StudioError
from tests.search_core.encoder.tiny_model import BuildModel, build_tiny_model

TEXTS = ["def add(a, b): return a + b", "READ a File", "x", "parse a date " * 30]
BERT = '[{"type": "sentence_transformers.models.Transformer"}]'
LORA = '{"base_model_name_or_path": "minilm", "peft_type": "LORA", "r": %d, "lora_alpha": 8}'
BACKENDS: list[Backend] = ["openvino", "torch"]


def reference(folder: Path, prompt: str = "") -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    return np.asarray(
        SentenceTransformer(str(folder), device="cpu").encode(TEXTS, prompt=prompt, normalize_embeddings=True)
    )


class Configured(NamedTuple):
    dim: int
    folder: Path
    reference: np.ndarray


@pytest.fixture(
    scope="module",
    params=[
        {"pooling": "cls"},
        {"pooling": "max"},
        {"pooling": "mean_sqrt_len_tokens"},
        {"pooling": "lasttoken"},
        {"dense": 16},
        {"normalize": True},
        {"max_length": 12},
    ],
    ids=str,
)
def configured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Configured:
    folder = build_tiny_model(tmp_path_factory.mktemp("configured"), **request.param)
    return Configured(request.param.get("dense", 32), folder, reference(folder))


@pytest.mark.parametrize("backend", BACKENDS)
def test_pooling_projection_normalisation_and_length_are_the_models_own(
    configured: Configured, backend: Backend, settings: Settings
) -> None:
    encoder = load_encoder(str(configured.folder), replace(settings, backend=backend))
    vectors = encoder.encode_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), configured.dim)
    assert (vectors * configured.reference).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize(
    ("prompts", "query", "document"),
    [
        ({"query": "find: ", "document": "code: "}, "find: ", "code: "),
        ({"query": "find: ", "passage": "code: "}, "find: ", "code: "),
        ({"query": "find: ", "corpus": "code: "}, "find: ", "code: "),
        ({"query": "find: "}, "find: ", ""),
        ({"clustering": "group: "}, "", ""),
        ({}, "", ""),
    ],
)
def test_queries_and_documents_get_the_models_own_prompts(
    prompts: dict[str, str], query: str, document: str, build_model: BuildModel
) -> None:
    config = read_config("tiny", build_model(prompts=prompts))
    assert (config.query_prompt, config.document_prompt) == (query, document)


def test_prompts_are_put_before_the_texts(build_model: BuildModel, settings: Settings) -> None:
    folder = build_model(prompts={"query": "find: ", "document": "code: "})
    encoder = load_encoder(str(folder), settings)
    assert (encoder.encode_queries(TEXTS) * reference(folder, "find: ")).sum(axis=1).min() >= 0.999
    assert (encoder.encode_documents(TEXTS) * reference(folder, "code: ")).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize(
    ("name", "prompts", "expected"),
    [
        ("e5-base-v2", {}, ("query: ", "passage: ")),
        ("multilingual-e5-small", {}, ("query: ", "passage: ")),
        ("e5-base-v2", {"query": "own: "}, ("own: ", "")),  # a model that says so itself is believed
        ("multilingual-e5-large-instruct", {}, ("", "")),  # wants an instruction, not these
        ("tiny", {}, ("", "")),
    ],
)
def test_e5_models_without_prompts_get_the_prefixes_they_were_trained_with(
    name: str, prompts: dict[str, str], expected: tuple[str, str], build_model: BuildModel
) -> None:
    config = read_config("given", build_model(name, prompts=prompts))
    assert (config.query_prompt, config.document_prompt) == expected


def test_a_model_without_sentence_transformers_configuration_is_averaged_with_a_warning(
    build_model: BuildModel, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    folder = build_model()
    averaged = reference(folder)
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        folder.joinpath(name).unlink(missing_ok=True)
    shutil.rmtree(folder / "1_Pooling")
    with caplog.at_level(logging.WARNING):
        vectors = load_encoder(str(folder), settings).encode_documents(TEXTS)
    assert "no sentence-transformers configuration" in caplog.text
    assert (vectors * averaged)[:3].sum(axis=1).min() >= 0.999  # the fourth is longer than 64 tokens


def test_the_fingerprint_follows_what_decides_the_vectors_and_nothing_else(build_model: BuildModel) -> None:
    folder = build_model(prompts={"query": "find: "})
    before = read_config("tiny", folder).fingerprint
    folder.joinpath("README.md").write_text("Another card")
    assert read_config("other name", folder).fingerprint == before
    path = folder / "1_Pooling/config.json"
    original = path.read_text()
    path.write_text(original.replace("mean", "cls"))
    changed_pooling = read_config("tiny", folder).fingerprint
    path.write_text(original)
    path = folder / "config_sentence_transformers.json"
    path.write_text(path.read_text().replace("find: ", "seek: "))
    changed_prompt = read_config("tiny", folder).fingerprint
    assert len({before, changed_pooling, changed_prompt}) == 3


def test_pickled_weights_are_refused(build_model: BuildModel) -> None:
    folder = build_model(dense=16)
    folder.joinpath("2_Dense/model.safetensors").rename(folder / "2_Dense/pytorch_model.bin")
    with pytest.raises(StudioError, match="only as pickle files"):
        read_config("tiny", folder)


def test_pickles_beside_safetensors_do_no_harm(build_model: BuildModel) -> None:
    folder = build_model()
    folder.joinpath("pytorch_model.bin").write_bytes(b"not read")
    assert read_config("tiny", folder)


def test_code_in_a_model_is_not_run(build_model: BuildModel, settings: Settings) -> None:
    folder = build_model()
    folder.joinpath("evil.py").write_text("raise SystemExit('ran')")
    modules = json.loads(folder.joinpath("modules.json").read_text())
    modules[1]["type"] = "evil.Pooling"
    folder.joinpath("modules.json").write_text(json.dumps(modules))
    with pytest.raises(StudioError, match="cannot be loaded"):
        load_encoder(str(folder), settings)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "no config.json"),
        ({"config.json": "{}"}, "no weights"),
        ({"adapter_config.json": "{}"}, "lacks base_model_name_or_path"),
        ({"config.json": "{", "model.safetensors": "", "modules.json": "["}, "cannot be read as JSON"),
        ({"config.json": "{}", "model.safetensors": "", "modules.json": "{}"}, "does not list its modules"),
        (
            {"config.json": "{}", "model.safetensors": "", "modules.json": '[{"type": "a.StaticEmbedding"}]'},
            "no transformer",
        ),
        ({"config.json": "[]", "model.safetensors": "", "modules.json": BERT}, "config.json holds no table"),
        (
            {
                "config.json": "{}",
                "model.safetensors": "",
                "modules.json": BERT,
                "config_sentence_transformers.json": "[]",
            },
            "config_sentence_transformers.json holds no table",
        ),
        ({"config.json": "[" * 100_000, "model.safetensors": ""}, "cannot be read as JSON"),
        ({"adapter_config.json": "[]"}, "lacks base_model_name_or_path"),
        ({"adapter_config.json": LORA % 8}, "has no weights: it lacks adapter_model.safetensors"),
        ({"adapter_config.json": LORA % 0, "adapter_model.safetensors": ""}, "'r' must be at least 1, got 0"),
        ({"config.json": '{"model_type": "bert"}', "model.safetensors": "cut"}, "cannot be loaded"),
    ],
)
def test_a_folder_that_is_no_model_is_named_as_such(
    files: dict[str, str], sentence: str, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        folder.joinpath(name).write_text(text)
    with pytest.raises(StudioError, match=sentence) as raised:
        load_encoder(str(folder), settings)
    assert "\n" not in str(raised.value)
