"""The project keeps its own promises: pins, help, one list in one place."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def pins(name: str) -> dict[str, str]:
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_the_gpu_requirements_differ_in_faiss_alone() -> None:
    cpu, gpu = pins("requirements.txt"), pins("requirements-gpu.txt")
    assert cpu.pop("faiss-cpu") == gpu.pop("faiss-gpu")
    assert cpu == gpu


FIELDS: dict[str, type] = {
    "title": str,
    "emoji": str,
    "colorFrom": str,
    "colorTo": str,
    "sdk": str,
    "sdk_version": str,
    "python_version": str,
    "suggested_hardware": str,
    "suggested_storage": str,
    "app_file": str,
    "app_port": int,
    "base_path": str,
    "fullWidth": bool,
    "header": str,
    "short_description": str,
    "models": list,
    "datasets": list,
    "tags": list,
    "thumbnail": str,
    "pinned": bool,
    "license": str,
    "hf_oauth": bool,
    "hf_oauth_scopes": list,
    "hf_oauth_expiration_minutes": int,
    "hf_oauth_authorized_org": str,
    "disable_embedding": bool,
    "startup_duration_timeout": str,
    "custom_headers": dict,
    "preload_from_hub": list,
}
"""Of a Space's front matter: https://huggingface.co/docs/hub/spaces-config-reference."""
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
SCOPES = {"email", "read-billing", "read-repos", "write-repos", "manage-repos", "inference-api"}
SCOPES |= {"write-discussions"}
"""Of its login: https://huggingface.co/docs/hub/spaces-oauth."""


@pytest.fixture(scope="module")
def front_matter() -> dict[str, Any]:
    opening, block, _ = (ROOT / "README.md").read_text("utf-8").split("---\n", 2)
    assert opening == ""
    return dict(yaml.safe_load(block))


def test_the_front_matter_has_documented_fields_alone(front_matter: dict[str, Any]) -> None:
    assert {name: type(value) for name, value in front_matter.items()} == {
        name: FIELDS.get(name) for name in front_matter
    }


def test_the_front_matter_has_values_that_a_space_takes(front_matter: dict[str, Any]) -> None:
    assert front_matter["sdk"] == "gradio"
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= COLOURS
    assert len(front_matter["short_description"]) <= 60
    assert set(front_matter["hf_oauth_scopes"]) <= SCOPES
    assert not front_matter["emoji"].isascii()
    assert (ROOT / front_matter["app_file"]).is_file()
    assert (
        front_matter["license"]
        == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"].lower()
    )


def test_a_space_runs_the_gradio_and_a_python_that_we_run(front_matter: dict[str, Any]) -> None:
    assert front_matter["sdk_version"] == pins("requirements.txt")["gradio"]
    assert front_matter["python_version"] == "3.12"
    assert f"FROM python:{front_matter['python_version']}-slim" in (ROOT / "Dockerfile").read_text()


def test_a_space_can_publish_for_its_owner(front_matter: dict[str, Any]) -> None:
    assert front_matter["hf_oauth"] is True
    assert {"write-repos", "manage-repos"} <= set(front_matter["hf_oauth_scopes"])


def test_what_a_space_installs_beside_our_pins_agrees_with_them() -> None:
    """It asks pip for gradio[oauth,mcp] together with requirements.txt."""
    pinned = pins("requirements.txt")
    beside = [
        requirement
        for extra in ("", "oauth", "mcp")
        for requirement in map(Requirement, requires("gradio") or ())
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    ]
    assert {"authlib", "mcp"} <= {requirement.name for requirement in beside}
    clashes = [
        str(requirement)
        for requirement in beside
        if (version := pinned.get(canonicalize_name(requirement.name)))
        and not requirement.specifier.contains(version)
    ]
    assert clashes == []


def test_make_help_lists_the_documented_targets() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"run", "test", "check", "bench", "screenshots"} <= set(re.findall(r"make (\S+)", done.stdout))


@pytest.mark.parametrize(
    "script", [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"], ids=lambda p: p.name
)
def test_shell_scripts_parse(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


def test_every_link_between_documents_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
