"""Models from the Hub, against a Hub on this machine; the client runs in a process of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.fake_hub import FakeHub, hub_environment
from tests.search_core.encoder.tiny_model import BuildModel
from tests.warm_python import WarmPython

CLIENT = """
import sys, time
from huggingface_hub import snapshot_download
from search_core.encoder import model_folder
from search_core.settings import Settings
from search_core.types import StudioError
started = time.monotonic()
try:
    print(model_folder(sys.argv[1], Settings(hub_timeout_s=2)))
except StudioError as error:
    print(time.monotonic() - started)
    sys.exit(f"error: {error}")
"""


Find = Callable[[str, dict[str, str]], CompletedProcess[str]]


@pytest.fixture
def find(warm_python: WarmPython) -> Find:
    return lambda spec, environment: warm_python.run(CLIENT, spec, environment=environment)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub(tmp_path / "hub") as hub:
        yield hub


def publish(model: Path, hub: FakeHub, repo_id: str) -> Path:
    target = hub.folder / "models" / repo_id
    target.parent.mkdir(parents=True)
    model.rename(target)
    return target


def test_a_hub_model_is_downloaded_once_and_without_what_loading_does_not_need(
    build_model: BuildModel, find: Find, hub: FakeHub, tmp_path: Path
) -> None:
    published = publish(build_model(dense=16), hub, "owner/tiny")
    published.joinpath("pytorch_model.bin").write_bytes(b"a pickle")
    published.joinpath("onnx").mkdir()
    published.joinpath("onnx/model.onnx").write_bytes(b"large")
    environment = hub.environment(tmp_path / "cache")
    first = find("owner/tiny", environment)
    assert first.returncode == 0, first.stderr
    folder = Path(first.stdout.strip())
    assert folder.joinpath("2_Dense/model.safetensors").is_file()
    assert not folder.joinpath("pytorch_model.bin").exists()
    assert not folder.joinpath("onnx").exists()
    offline = find("owner/tiny", hub_environment("http://127.0.0.1:9", tmp_path / "cache"))
    assert offline.stdout == first.stdout


@pytest.mark.parametrize(
    ("spec", "sentence"), [("owner/unknown", "There is no model"), ("owner/pickled", "only as pickle files")]
)
def test_a_hub_model_that_cannot_be_had_is_explained_and_not_downloaded(
    spec: str, sentence: str, find: Find, hub: FakeHub, tmp_path: Path
) -> None:
    pickled = hub.folder / "models/owner/pickled"
    pickled.mkdir(parents=True)
    pickled.joinpath("config.json").write_text("{}")
    pickled.joinpath("pytorch_model.bin").write_bytes(b"a pickle")
    answer = find(spec, hub.environment(tmp_path / "cache"))
    assert answer.returncode == 1
    assert sentence in answer.stderr
    assert not any("resolve" in request for request in hub.requests)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_is_down_is_reported_at_once(find: Find, tmp_path: Path) -> None:
    assert_unreachable(find("owner/tiny", hub_environment("http://127.0.0.1:9", tmp_path)), within_s=2)


def test_a_hub_that_never_answers_is_given_up_within_the_timeout(
    find: Find, silent_server: str, tmp_path: Path
) -> None:
    assert_unreachable(find("owner/tiny", hub_environment(silent_server, tmp_path)), within_s=2 + 5)


def assert_unreachable(answer: CompletedProcess[str], within_s: float) -> None:
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: Model owner/tiny is not on this machine and cannot be fetched")
    assert float(answer.stdout) < within_s
