"""What the page says of the machine it is served by: nothing, where it is like most."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from markupsafe import Markup

from search_core.settings import Settings
from ui.hosting import Hosting, free_memory, notices, prepare_zero_gpu

PLENTY = 16_000_000_000
FORGETS = (
    "This Space forgets what is added here when it sleeps or restarts: mount a storage bucket and set "
    "CODESEARCH_ARCHIVE to its folder."
)
LITTLE = "Little memory is free here (1.3 GB), so one model is offered unless you ask for more."
EVERYWHERE = "0.0.0.0"  # noqa: S104
SPACE = {"SPACE_ID": "alice/code-search"}


@pytest.mark.parametrize(
    ("environment", "free_bytes", "expected"),
    [
        ({}, PLENTY, ()),  # a laptop
        (SPACE, PLENTY, (FORGETS,)),
        ({**SPACE, "CODESEARCH_ARCHIVE": "/data"}, PLENTY, ()),
        ({**SPACE, "CODESEARCH_ARCHIVE": " "}, PLENTY, (FORGETS,)),  # an empty variable is none
        ({}, 1_340_000_000, (LITTLE,)),
    ],
)
def test_only_what_is_different_here_is_said(environment, free_bytes: int, expected: tuple[str, ...]) -> None:
    assert Hosting.of(environment, free_bytes).notices == expected


def test_a_bucket_that_keeps_nothing_is_told_with_its_way_out() -> None:
    assert Hosting(archived=True, problem="Mount it.").notices == ("Mount it.",)


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "127.0.0.1"),
        (SPACE, EVERYWHERE),
        ({**SPACE, "GRADIO_SERVER_NAME": EVERYWHERE}, EVERYWHERE),
        ({"GRADIO_SERVER_NAME": "192.0.2.7"}, "192.0.2.7"),
    ],
)
def test_only_a_space_is_open_to_others_without_being_told(environment: dict[str, str], host: str) -> None:
    assert Hosting.of(environment, PLENTY).host == host


def test_with_little_memory_the_baseline_alone_is_offered() -> None:
    assert Hosting(free_bytes=1_499_999_999).models(("minilm", "studio")) == ("minilm",)
    assert Hosting(free_bytes=1_500_000_000).models(("minilm", "studio")) == ("minilm", "studio")


@pytest.mark.parametrize(
    ("environment", "free_bytes", "reason"),
    [
        ({}, PLENTY, ""),
        (SPACE, PLENTY, ""),
        (
            {**SPACE, "SPACES_ZERO_GPU": "true"},
            PLENTY,
            "A ZeroGPU Space lends its GPU for a minute at a time: train on a machine of your own.",
        ),
        (
            {},
            900_000_000,
            "Training needs 4.0 GB of free memory and this machine has 0.9 GB: train on a larger one.",
        ),
    ],
)
def test_training_is_offered_where_it_can_end(environment, free_bytes: int, reason: str) -> None:
    assert Hosting.of(environment, free_bytes).no_training == reason


@pytest.mark.parametrize(
    ("promised", "expected"),
    [("512Mi", 512 * 2**20), ("1.5G", 1_500_000_000), ("64000000", 64_000_000)],
)
def test_a_space_has_the_memory_that_it_was_promised(promised: str, expected: int, tmp_path: Path) -> None:
    assert free_memory({"MEMORY": promised}, tmp_path) == expected


def limit(folder: Path, most: str, used: int) -> Path:
    """A control group as Linux describes it."""
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text("anon 5\nactive_file 7\ninactive_file 10000000\n")
    return folder


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    """Files that were read count as used, but make room when it is wanted: 100 - 80 + 10 million."""
    assert free_memory({}, limit(tmp_path, "100000000", 80_000_000)) == 30_000_000


def test_without_a_limit_what_the_machine_has_counts(tmp_path: Path) -> None:
    available = psutil.virtual_memory().available
    for folder in (limit(tmp_path, "max", 80_000_000), tmp_path / "no-control-groups"):
        assert free_memory({"MEMORY": "plenty"}, folder) == pytest.approx(available, rel=0.2)


def test_zero_gpu_computes_on_the_processor_unless_told_otherwise() -> None:
    assert prepare_zero_gpu(Settings()).device == "cpu"
    assert prepare_zero_gpu(Settings(device="cuda")).device == "cuda"


def test_notices_are_a_note_and_their_text_is_inert() -> None:
    assert notices(()) == Markup("")
    assert "<p>&lt;b&gt;</p>" in notices(("<b>",))
