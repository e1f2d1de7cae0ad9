"""Models from the Hub, against a Hub on this machine; the client runs in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import FakeHub, hub_environment
from tests.search_core.encoder.tiny_model import BuildModel

CLIENT = """
import sys
from search_core.encoder import model_folder
from search_core.settings import Settings
from search_core.types import StudioError
try:
    print(model_folder(sys.argv[1], Settings(hub_timeout_s=2)))
except StudioError as error:
    sys.exit(f"error: {error}")
"""


def find(spec: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLIENT, spec], env=environment, capture_output=True, text=True, timeout=60
    )


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
    build_model: BuildModel, hub: FakeHub, tmp_path: Path
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
    spec: str, sentence: str, hub: FakeHub, tmp_path: Path
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


def test_a_hub_that_is_down_is_reported_at_once(tmp_path: Path) -> None:
    assert_unreachable("http://127.0.0.1:9", tmp_path)


def test_a_hub_that_never_answers_is_given_up_within_the_timeout(silent_server: str, tmp_path: Path) -> None:
    assert_unreachable(silent_server, tmp_path)


def assert_unreachable(url: str, cache: Path) -> None:
    started = time.monotonic()
    answer = find("owner/tiny", hub_environment(url, cache))
    assert time.monotonic() - started < 10
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: Model owner/tiny is not on this machine and cannot be fetched")
