"""Publishing, by the Hub's real client in a process of its own, to a Hub on this machine."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard

from search_core.encoder.adapter import Adapter, Factors, write_adapter
from search_core.encoder.models import MINILM_HUB_ID
from tests.fake_hub import FakeHub, Fault, hub_environment
from tests.search_core.encoder.tiny_model import build_tiny_model
from tests.train.publisher import REPO, TOKEN, Publisher
from tests.train.run_folder import build_run
from tests.warm_python import WarmPython


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_tiny_model(tmp_path_factory.mktemp("models"))
    folder.joinpath("pytorch_model.bin").write_bytes(b"a pickle beside the safetensors")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A run that no test changes."""
    return build_run(tmp_path_factory.mktemp("runs") / "run", model=tiny_model)


@pytest.fixture
def publisher(warm_python: WarmPython, hub: FakeHub, finished: Path, tmp_path: Path) -> Publisher:
    return Publisher(warm_python, hub, finished, tmp_path / "cache")


def test_a_new_repository_holds_model_card_picture_and_figures_and_nothing_else(
    publisher: Publisher, hub: FakeHub, finished: Path
) -> None:
    published = publisher.publish()
    held = hub.files(REPO)
    assert published["url"] == f"{hub.url}/{REPO}"
    assert set(held) - {".gitattributes"} == set(published["files"])
    assert set(held) - {".gitattributes"} == {
        "config.json",
        "config_sentence_transformers.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "1_Pooling/config.json",
        "README.md",
        "training_loss.png",
        "training_info.json",
        "training_config.json",
        "events.jsonl",
        "pairs.json",
        "reports/before.json",
        "reports/after.json",
        "comparison.json",
        "guard.json",
    }
    assert held["model.safetensors"] == finished.joinpath("model.safetensors").read_bytes()
    assert ModelCard(held["README.md"].decode()).data.get("model_name") == "code-finder"
    assert held["training_loss.png"].startswith(b"\x89PNG")
    assert published["seen"][-1] == [18, 18]
    assert sum(request.startswith("POST") and "/commit/" in request for request in hub.requests) == 1


def test_publishing_again_sends_only_what_changed(publisher: Publisher, hub: FakeHub) -> None:
    first = publisher.publish()
    hub.requests.clear()
    assert publisher.publish()["commit"] == first["commit"]
    assert not any(request.startswith("PUT") or "/commit/" in request for request in hub.requests)


def test_an_update_replaces_the_model_and_keeps_what_others_added(
    publisher: Publisher, hub: FakeHub, finished: Path, tmp_path: Path
) -> None:
    publisher.publish()
    hub.folder.joinpath("models", REPO, "LICENSE").write_text("by hand")
    newer = build_run(tmp_path / "newer", model=build_tiny_model(tmp_path, dense=8))
    publisher.folder = newer
    publisher.publish()
    held = hub.files(REPO)
    assert held["LICENSE"] == b"by hand"
    assert held["modules.json"] == newer.joinpath("modules.json").read_bytes()
    assert "2_Dense/model.safetensors" in held


def test_of_a_model_that_was_there_before_nothing_is_left_to_be_loaded(
    publisher: Publisher, hub: FakeHub, tmp_path: Path
) -> None:
    publisher.folder = build_run(tmp_path / "older", model=build_tiny_model(tmp_path, dense=8))
    publisher.publish()
    hub.folder.joinpath("models", REPO, "pytorch_model.md").write_text("no model's")
    publisher.folder = build_run(tmp_path / "newer", model=build_tiny_model(tmp_path, name="flat"))
    published = publisher.publish()
    assert set(hub.files(REPO)) == {*published["files"], ".gitattributes", "pytorch_model.md"}


def test_a_pull_request_removes_what_is_stale_on_its_own_branch_alone(
    publisher: Publisher, hub: FakeHub
) -> None:
    stale = hub.folder.joinpath("models/bob/finder/adapter_model.safetensors")
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"weights")
    publisher.publish("bob/finder", create_pr=True)
    assert "adapter_model.safetensors" not in hub.branches["bob/finder", "refs/pr/1"]
    assert "adapter_model.safetensors" in hub.files("bob/finder")


def test_a_private_repository_is_seen_by_its_owner_alone(publisher: Publisher, hub: FakeHub) -> None:
    publisher.publish(private=True)
    assert hub.private == {REPO}


def test_what_should_be_private_is_not_sent_to_a_public_repository(
    publisher: Publisher, hub: FakeHub
) -> None:
    hub.folder.joinpath("models", REPO).mkdir(parents=True)
    assert "exists and is public" in publisher.refusal(private=True)
    assert hub.files(REPO) == {}


def test_a_pull_request_leaves_main_as_it_is(publisher: Publisher, hub: FakeHub) -> None:
    hub.folder.joinpath("models/bob/finder").mkdir(parents=True)
    published = publisher.publish("bob/finder", create_pr=True)
    assert published["url"] == f"{hub.url}/bob/finder/discussions/1"
    assert hub.files("bob/finder") == {}
    assert "model.safetensors" in hub.branches["bob/finder", "refs/pr/1"]


def test_a_revision_is_a_branch_that_is_made_where_there_is_none(publisher: Publisher, hub: FakeHub) -> None:
    publisher.publish(revision="v2")
    publisher.publish(revision="v2")
    assert set(hub.files(REPO)) == {".gitattributes"}
    assert "model.safetensors" in hub.branches[REPO, "v2"]


def test_an_adapter_is_published_without_the_model(
    publisher: Publisher, hub: FakeHub, tmp_path: Path, tiny_model: Path
) -> None:
    run = build_run(tmp_path / "run", model=tiny_model)
    factors = Factors(torch.ones(1, 32), torch.ones(32, 1))
    write_adapter(Adapter(str(tiny_model), "0" * 64, {"pooler.dense": factors}), run / "adapter")
    publisher.folder = run
    publisher.publish(what="adapter")
    held = hub.files(REPO)
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= set(held)
    assert "model.safetensors" not in held
    assert json.loads(held["adapter_config.json"])["base_model_name_or_path"] == MINILM_HUB_ID


def test_a_run_without_an_adapter_has_none_to_publish(publisher: Publisher, hub: FakeHub) -> None:
    assert "holds no adapter" in publisher.refusal(what="adapter")
    assert hub.requests == []


def test_nothing_that_is_published_names_a_folder_or_a_private_query(
    publisher: Publisher, hub: FakeHub, tmp_path: Path, tiny_model: Path
) -> None:
    run = build_run(
        tmp_path / "run", model=tiny_model, corpus=f"{tmp_path}/code", base_model=f"{tmp_path}/base"
    )
    config = json.loads(run.joinpath("config.json").read_text())
    run.joinpath("config.json").write_text(json.dumps(config | {"_name_or_path": str(tmp_path / "base")}))
    publisher.folder = run
    publisher.publish()
    held = hub.files(REPO)
    assert [name for name, content in held.items() if str(tmp_path).encode() in content] == []
    assert json.loads(held["config.json"])["_name_or_path"] == "base"
    assert json.loads(held["training_config.json"])["corpus"] == "code"
    shared, ours = (
        json.loads(held["reports/after.json"]),
        json.loads(run.joinpath("reports/after.json").read_text()),
    )
    assert shared["metrics"] == ours["metrics"]
    assert [row["ndcg@10"] for row in shared["per_query"]] == [row["ndcg@10"] for row in ours["per_query"]]
    assert {(row["query_id"], row["query"]) for row in shared["per_query"]} == {
        (str(n), "") for n in range(1, 9)
    }


def test_the_events_that_are_published_are_the_measured_ones(publisher: Publisher, hub: FakeHub) -> None:
    publisher.publish()
    events = [json.loads(line) for line in hub.files(REPO)["events.jsonl"].splitlines()]
    assert {event["type"] for event in events} == {"step", "evaluation"}
    assert [event["step"] for event in events if event["type"] == "step"] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "name",
    ["finder", "alice/a/b", "alice/-finder", "alice/x--y", "alice/é", "alice/x.git", f"alice/{'x' * 97}", ""],
)
def test_a_name_that_the_hub_would_refuse_is_refused_before_anything_is_asked(
    publisher: Publisher, hub: FakeHub, name: str
) -> None:
    assert "is no repository name" in publisher.refusal(name)
    assert hub.requests == []


def test_a_pull_request_cannot_be_against_a_branch(publisher: Publisher, hub: FakeHub) -> None:
    assert "always against main" in publisher.refusal(create_pr=True, revision="v2")
    assert hub.requests == []


def test_a_folder_without_a_finished_run_creates_no_repository(
    publisher: Publisher, hub: FakeHub, tiny_model: Path
) -> None:
    publisher.folder = tiny_model
    assert "no finished training run, it lacks training_config.json" in publisher.refusal()
    assert hub.requests == []


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("hf_expired", "does not accept your token, it may have expired: log in with `hf auth login`"),
        ("hf_reader", f"may not write to {REPO}"),
        ("hf_é\x07", "token for the Hugging Face Hub is malformed"),
        (None, "not logged in to the Hugging Face Hub: log in with `hf auth login`, or set HF_TOKEN"),
    ],
)
def test_a_token_that_will_not_do_is_explained(
    publisher: Publisher, hub: FakeHub, token: str | None, sentence: str
) -> None:
    del publisher.environment["HF_TOKEN"]
    if token:
        publisher.environment["HF_TOKEN"] = token
    line = publisher.refusal()
    assert sentence in line
    assert token is None or token not in line
    assert not hub.folder.exists()


def test_an_empty_token_is_not_replaced_by_the_login_of_the_machine(publisher: Publisher) -> None:
    assert "not logged in" in publisher.refusal(token="")


def test_someone_elses_repository_is_refused(publisher: Publisher, hub: FakeHub) -> None:
    hub.folder.joinpath("models/bob/finder").mkdir(parents=True)
    assert "may not write to bob/finder" in publisher.refusal("bob/finder")
    assert hub.files("bob/finder") == {}


def test_a_conflict_asks_for_patience(publisher: Publisher, hub: FakeHub) -> None:
    hub.faults = [Fault(f"POST /api/models/{REPO}/commit/", status=409)]
    assert "publish again in a moment" in publisher.refusal()
    publisher.publish()
    assert "model.safetensors" in hub.files(REPO)


def test_a_hub_in_trouble_is_quoted(publisher: Publisher, hub: FakeHub) -> None:
    hub.faults = [Fault("POST /api/repos/create", status=418)]
    assert f"refused {REPO} (418: the test wants 418)" in publisher.refusal()


def test_an_upload_that_is_cut_once_is_repeated(publisher: Publisher, hub: FakeHub, finished: Path) -> None:
    hub.faults = [Fault("PUT /lfs/")]
    publisher.publish(hasty=True)
    assert sum(request.startswith("PUT /lfs/") for request in hub.requests) == 2
    assert hub.files(REPO)["model.safetensors"] == finished.joinpath("model.safetensors").read_bytes()


def test_a_commit_that_is_cut_once_is_repeated(publisher: Publisher, hub: FakeHub) -> None:
    hub.faults = [Fault(f"POST /api/models/{REPO}/commit/")]
    publisher.publish(hasty=True)
    assert "model.safetensors" in hub.files(REPO)


def test_a_pull_request_that_is_cut_is_not_opened_twice(publisher: Publisher, hub: FakeHub) -> None:
    hub.faults = [Fault(f"POST /api/models/{REPO}/commit/")]
    assert "connection to the Hugging Face Hub was lost" in publisher.refusal(hasty=True, create_pr=True)
    assert sum("/commit/" in request for request in hub.requests) == 1


def test_an_upload_that_is_always_cut_leaves_nothing_half_published_and_a_repeat_continues(
    publisher: Publisher, hub: FakeHub
) -> None:
    hub.faults = [Fault(f"POST /api/models/{REPO}/commit/", times=1_000)]
    assert "publish alice/code-finder again, what has arrived is not sent twice" in publisher.refusal(
        hasty=True
    )
    assert set(hub.files(REPO)) == {".gitattributes"}
    hub.faults = [Fault("PUT /lfs/", times=1_000)]  # what arrived is not asked for again
    publisher_done = publisher.publish()
    assert set(publisher_done["files"]) < set(hub.files(REPO))


def test_a_hub_that_is_down_is_reported_at_once(publisher: Publisher) -> None:
    publisher.environment = hub_environment("http://127.0.0.1:9", publisher.cache) | {"HF_TOKEN": TOKEN}
    started = time.monotonic()
    assert "cannot be reached" in publisher.refusal()
    assert time.monotonic() - started < 30


def test_a_hub_that_never_answers_is_given_up(publisher: Publisher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        publisher.environment = hub_environment(url, publisher.cache) | {"HF_TOKEN": TOKEN}
        assert "cannot be reached (ReadTimeout)" in publisher.refusal()


def test_the_token_is_in_no_file_and_no_stream(publisher: Publisher, hub: FakeHub, tmp_path: Path) -> None:
    publisher.publish(revision="v2")
    hub.faults = [Fault(f"POST /api/models/{REPO}/commit/", status=403), Fault("PUT /lfs/")]
    publisher.refusal()
    publisher.publish(hasty=True)
    publisher.publish("alice/other", create_pr=True, token=TOKEN)
    published = [content for files in hub.branches.values() for content in files.values()]
    written = [
        path.read_bytes() for path in [*tmp_path.rglob("*"), *publisher.folder.rglob("*")] if path.is_file()
    ]
    assert len(written) > 20
    assert [content for content in [*published, *written] if TOKEN.encode() in content] == []
    assert TOKEN not in publisher.said
    assert "".join(hub.requests).count(TOKEN) == 0
