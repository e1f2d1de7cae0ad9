"""A published adapter, as somebody else uses it: the code on its card, with an empty cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from search_core.encoder import model_folder
from search_core.encoder.adapter import Adapter, Factors, write_adapter
from search_core.encoder.models import MINILM_HUB_ID
from search_core.settings import Settings
from tests.fake_hub import FakeHub
from tests.train.publisher import Publisher, code_on_card
from tests.train.run_folder import build_run
from tests.warm_python import WarmPython

TEXTS = ["def add(a, b): return a + b", "sum of two"]


def test_the_code_on_an_adapters_card_makes_the_merged_models_vectors(
    hub: FakeHub, warm_python: WarmPython, tmp_path: Path
) -> None:
    minilm = model_folder("minilm", Settings())
    shutil.copytree(minilm, hub.folder / "models" / MINILM_HUB_ID)
    generator = torch.Generator().manual_seed(0)
    layer = "encoder.layer.0.attention.self.query"
    factors = Factors(torch.randn(2, 384, generator=generator), torch.randn(384, 2, generator=generator))
    run = build_run(tmp_path / "run", model=minilm)
    write_adapter(Adapter(MINILM_HUB_ID, "0" * 64, {layer: factors}), run / "adapter")
    weights = load_file(run / "model.safetensors")
    weights[f"{layer}.weight"] += factors.up.half().float() @ factors.down.half().float()
    save_file(weights, run / "model.safetensors", metadata={"format": "pt"})
    Publisher(warm_python, hub, run, tmp_path / "cache").publish(what="adapter")
    check = f"""
import sys, numpy
base, merged = (SentenceTransformer(folder).encode({TEXTS}) for folder in sys.argv[1:])
numpy.testing.assert_allclose(model.encode({TEXTS}), merged, atol=1e-5)
assert abs(base - merged).max() > 1e-2
"""
    done = subprocess.run(
        [sys.executable, "-c", code_on_card(hub) + check, str(minilm), str(run)],
        env=hub.environment(tmp_path / "empty"),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
