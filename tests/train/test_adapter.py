"""Adapters: a folder that stands for a whole model, made in two ways."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from search_core.encoder import model_folder
from search_core.encoder.adapter import Adapter, Factors, merge_adapter, read_adapter, write_adapter
from search_core.encoder.models import MINILM_SHA256, STUDIO_ADAPTER
from search_core.settings import Settings
from search_core.types import StudioError
from tests.train.run_folder import LOSSES, build_run
from tests.train.tuning import CPU, tiny
from train.adapter import adapter_for, add_lora, squeezed_factors, trained_factors
from train.events import read_events
from train.run import Run
from train.squeeze import main as squeeze
from train.trainer import load_trainable

QUERY = "encoder.layer.0.attention.self.query"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny(tmp_path)


def weight(model: SentenceTransformer, module: str = QUERY) -> torch.Tensor:
    return model.transformers_model.get_submodule(module).weight.data


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_a_difference_of_rank_one_is_squeezed_without_loss(base: Path) -> None:
    before, after = (load_trainable(str(base), CPU) for _ in range(2))
    difference = torch.outer(torch.arange(32.0), torch.ones(32))
    weight(after).add_(difference)
    factors = squeezed_factors(before, after, rank=1)
    assert torch.allclose(factors[QUERY].difference(), difference, atol=1e-4)
    assert factors[QUERY].down.shape == (1, 32)
    assert not factors["encoder.layer.1.attention.self.query"].difference().any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_factors_of_models_on_a_gpu_lie_on_the_processor(base: Path) -> None:
    before, after = (load_trainable(str(base), Settings(device="cuda:0")) for _ in range(2))
    weight(after).add_(1.0)
    factors = squeezed_factors(before, after, rank=1)[QUERY]
    assert {factors.down.device.type, factors.up.device.type} == {"cpu"}


def test_of_a_larger_difference_the_largest_parts_stay(base: Path) -> None:
    before, after = (load_trainable(str(base), CPU) for _ in range(2))
    weight(after).add_(torch.diag(torch.tensor([3.0, 2.0, 1.0] + [0.0] * 29)))
    found = squeezed_factors(before, after, rank=2)[QUERY].difference()
    assert torch.allclose(found, torch.diag(torch.tensor([3.0, 2.0] + [0.0] * 30)), atol=1e-5)


def test_a_merged_model_is_the_base_plus_the_differences(base: Path, tmp_path: Path) -> None:
    factors = {QUERY: Factors(down=torch.ones(1, 32), up=torch.full((32, 1), 0.5))}
    write_adapter(adapter_for(str(base), factors, CPU), tmp_path / "adapter")
    merge_adapter(read_adapter(tmp_path / "adapter"), base, tmp_path / "merged")
    before, after = weights_of(base), weights_of(tmp_path / "merged")
    assert torch.equal(after[f"{QUERY}.weight"], before[f"{QUERY}.weight"] + 0.5)
    assert all(torch.equal(after[name], before[name]) for name in before if name != f"{QUERY}.weight")


def test_a_base_whose_weights_are_in_parts_is_merged_into_one_file(base: Path, tmp_path: Path) -> None:
    before = weights_of(base)
    SentenceTransformer(str(base), device="cpu").save_pretrained(
        str(tmp_path / "parts"), create_model_card=False
    )
    parts, names = tmp_path / "parts", sorted(before)
    (parts / "model.safetensors").unlink()
    for number, some in enumerate((names[::2], names[1::2]), start=1):
        save_file({name: before[name] for name in some}, parts / f"model-0000{number}-of-00002.safetensors")
    (parts / "model.safetensors.index.json").write_text("{}")
    factors = {QUERY: Factors(down=torch.ones(1, 32), up=torch.ones(32, 1))}
    write_adapter(adapter_for(str(parts), factors, CPU), tmp_path / "adapter")
    merge_adapter(read_adapter(tmp_path / "adapter"), parts, tmp_path / "merged")
    after = weights_of(tmp_path / "merged")
    assert after.keys() == before.keys()
    assert torch.equal(after[f"{QUERY}.weight"], before[f"{QUERY}.weight"] + 1)
    assert [path.name for path in (tmp_path / "merged").glob("model*")] == ["model.safetensors"]


def test_a_merged_model_loads_with_plain_sentence_transformers(base: Path, tmp_path: Path) -> None:
    factors = {QUERY: Factors(torch.zeros(1, 32), torch.zeros(32, 1))}
    merge_adapter(Adapter("base", "", factors), base, tmp_path / "merged")
    texts = ["open a file", "def f(): pass"]
    found, expected = (
        SentenceTransformer(str(one), device="cpu").encode(texts) for one in (tmp_path / "merged", base)
    )
    assert found.tolist() == expected.tolist()


def test_peft_reads_what_we_write_as_we_do(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    factors = {QUERY: Factors(torch.randn(2, 32).half().float(), torch.randn(32, 2).half().float())}
    write_adapter(adapter_for(str(base), factors, CPU), tmp_path / "adapter")
    merge_adapter(read_adapter(tmp_path / "adapter"), base, tmp_path / "merged")
    theirs = SentenceTransformer(str(base), device="cpu")
    theirs.load_adapter(str(tmp_path / "adapter"))
    ours = SentenceTransformer(str(tmp_path / "merged"), device="cpu")
    text = "how to open a file"
    assert torch.allclose(*(torch.tensor(one.encode(text)) for one in (theirs, ours)), atol=1e-5)


def test_a_folder_with_an_adapter_is_a_model_spec(base: Path, tmp_path: Path, settings: Settings) -> None:
    factors = {QUERY: Factors(down=torch.ones(1, 32), up=torch.ones(32, 1))}
    write_adapter(adapter_for(str(base), factors, CPU), tmp_path / "adapter")
    folder = model_folder(str(tmp_path / "adapter"), settings)
    assert torch.equal(weights_of(folder)[f"{QUERY}.weight"], weights_of(base)[f"{QUERY}.weight"] + 1)
    stamp = folder.joinpath("model.safetensors").stat().st_mtime_ns
    assert model_folder(str(tmp_path / "adapter"), settings) == folder
    assert folder.joinpath("model.safetensors").stat().st_mtime_ns == stamp  # made once


def test_an_adapter_names_its_base_for_others_and_by_checksum(base: Path, tmp_path: Path) -> None:
    factors = {QUERY: Factors(torch.ones(3, 32), torch.ones(32, 3))}
    write_adapter(adapter_for(str(base), factors, CPU), tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    checksum = hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()
    assert config["base_model_name_or_path"] == str(base)
    assert config["base_model_sha256"] == checksum
    assert config["r"] == config["lora_alpha"] == 3
    minilm = adapter_for("minilm", factors, CPU)
    assert minilm.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert minilm.base_sha256 == MINILM_SHA256


def test_an_adapter_for_other_weights_is_refused_and_leaves_nothing(base: Path, tmp_path: Path) -> None:
    factors = {QUERY: Factors(torch.ones(1, 32), torch.ones(32, 1))}
    with pytest.raises(StudioError, match="made for other weights"):
        merge_adapter(Adapter("another", "0" * 64, factors), base, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_an_adapter_for_another_architecture_is_refused(base: Path, tmp_path: Path) -> None:
    factors = {"encoder.layer.7.output": Factors(torch.ones(1, 32), torch.ones(32, 1))}
    with pytest.raises(StudioError, match="does not fit"):
        merge_adapter(Adapter("another", "", factors), base, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_the_shipped_adapter_is_small_and_gives_the_model_studio(settings: Settings) -> None:
    assert sum(path.stat().st_size for path in STUDIO_ADAPTER.iterdir()) < 5_000_000
    assert read_adapter(STUDIO_ADAPTER).base_sha256 == MINILM_SHA256
    studio, minilm = (weights_of(model_folder(spec, settings)) for spec in ("studio", "minilm"))
    changed = {name for name, tensor in minilm.items() if not torch.equal(studio[name], tensor)}
    assert len(changed) == 6 * 6  # query, key, value and three dense matrices in each of six layers
    assert all(name.startswith("encoder.layer.") for name in changed)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"use_dora": True}, "another kind"), ({"peft_type": "IA3"}, "another kind"), ({"r": None}, "lacks r")],
)
def test_adapters_of_other_kinds_are_refused(base: Path, tmp_path: Path, change: dict, sentence: str) -> None:
    folder = tmp_path / "adapter"
    write_adapter(adapter_for(str(base), {QUERY: Factors(torch.ones(1, 32), torch.ones(32, 1))}, CPU), folder)
    config = json.loads((folder / "adapter_config.json").read_text()) | change
    kept = {name: value for name, value in config.items() if value is not None}
    (folder / "adapter_config.json").write_text(json.dumps(kept))
    with pytest.raises(StudioError, match=sentence):
        read_adapter(folder)


def test_a_trained_adapter_is_averaged_by_scaling_it(base: Path) -> None:
    model = load_trainable(str(base), CPU)
    add_lora(model, rank=2)
    module = model.transformers_model.get_submodule(QUERY)
    module.lora_A["default"].weight.data.fill_(1)
    module.lora_B["default"].weight.data.fill_(1)
    assert torch.equal(
        trained_factors(model, share=0.25)[QUERY].difference(), torch.full((32, 32), 0.5)
    )  # 2 · 0.25


def test_models_that_do_not_differ_cannot_be_squeezed(base: Path) -> None:
    with pytest.raises(StudioError, match="equal to its base"):
        squeezed_factors(*(load_trainable(str(base), CPU) for _ in range(2)), rank=1)


@pytest.fixture
def second_run(tmp_path: Path, base: Path) -> Path:
    """Of a run that went on from another run's model: by now one weight differs from the base's by 3."""
    for name, begun_from, added in (("first", base, 1.0), ("second", tmp_path / "first", 2.0)):
        build_run(tmp_path / name, model=base, base_model=str(begun_from))
        model = load_trainable(str(begun_from), CPU)
        weight(model).add_(added)
        model.save_pretrained(str(tmp_path / name), create_model_card=False)
    return tmp_path / "second"


@pytest.mark.parametrize(("given", "named", "added"), [((), "first", 2.0), (("--base", "{base}"), None, 3.0)])
def test_a_run_is_squeezed_against_its_own_base_or_another(
    second_run: Path, base: Path, tmp_path: Path, given: tuple[str, ...], named: str | None, added: float
) -> None:
    options = [word.format(base=base) for word in given]
    assert squeeze([str(second_run), "--output", str(tmp_path / "adapter"), "--rank", "1", *options]) == 0
    adapter = read_adapter(tmp_path / "adapter")
    assert adapter.base_model == str(tmp_path / named if named else base)
    assert torch.allclose(adapter.factors[QUERY].difference(), torch.full((32, 32), added), atol=1e-2)


def test_beside_the_adapter_lies_how_its_model_was_trained(second_run: Path, tmp_path: Path) -> None:
    assert squeeze([str(second_run), "--output", str(tmp_path / "adapter"), "--rank", "1"]) == 0
    steps = [event for event in read_events(tmp_path / "adapter" / "events.jsonl") if event["type"] == "step"]
    assert [step["loss"] for step in steps] == list(LOSSES)
    record = Run("adapter", tmp_path / "adapter")
    assert record.config.base_model == "first"
    assert record.pairs and record.pairs["training"] == 529
    texts = [path.read_text() for path in record.folder.glob("*.json*") if path.name != "adapter_config.json"]
    assert len(texts) == 4 and not [text for text in texts if str(tmp_path) in text]


def test_an_adapter_that_cannot_be_written_is_said_in_one_line(
    second_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for output in (str(tmp_path / "file"), "~nosuchuser/adapter"):
        assert squeeze([str(second_run), "--output", output, "--rank", "1"]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and output in err and err.count("\n") == 1


@pytest.mark.parametrize("usage", [[], ["--rank", "0"], ["--rank", "many"], ["--rank", "-1"], ["--what"]])
def test_bad_usage_of_the_command_is_one_line(
    usage: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        squeeze([str(tmp_path), *(["--output", "adapter", *usage] if usage else [])])
    err = capsys.readouterr().err
    assert stop.value.code == 2 and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize("name", ["{folder}", "~nosuchuser/run", "x" * 300])
def test_the_command_says_in_one_line_what_is_no_run(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert squeeze([name.format(folder=tmp_path), "--output", str(tmp_path / "adapter")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "adapter").exists()
