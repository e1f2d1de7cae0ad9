"""Settings come from the environment once; what is unusable is named."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from search_core.settings import VARIABLES, Settings
from search_core.types import StudioError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()


def test_an_override_wins_over_the_environment_and_none_means_not_given() -> None:
    environment = {"CODESEARCH_HOME": "/from/environment", "CODESEARCH_THREADS": "3"}
    settings = Settings.from_environment(environment, workspace=Path("/from/option"), threads=None)
    assert (settings.workspace, settings.threads) == (Path("/from/option"), 3)


def test_every_unusable_value_is_named_at_once() -> None:
    environment = {"CODESEARCH_THREADS": "-1", "CODESEARCH_INDEX": "hnsw", "CODESEARCH_RECALL": "1.5"}
    with pytest.raises(StudioError) as caught:
        Settings.from_environment(environment)
    assert all(variable in str(caught.value) for variable in environment)


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("CODESEARCH_HUB_TIMEOUT", "inf", "must be finite"),
        ("CODESEARCH_GIT_TIMEOUT", "nan", "must be finite"),
        ("CODESEARCH_RECALL", "nan", "must be above 0"),
        ("CODESEARCH_HOME", "~nosuchuser/home", "is in the home of nobody"),
    ],
)
def test_a_value_that_cannot_be_worked_with_is_named(variable: str, value: str, reason: str) -> None:
    with pytest.raises(StudioError, match=f"{variable}='{value}' .{reason}"):
        Settings.from_environment({variable: value})


def test_zero_threads_means_every_core() -> None:
    assert Settings(threads=0).thread_count >= 1
    assert Settings(threads=3).thread_count == 3


def test_every_setting_has_a_variable_and_is_documented_with_its_default() -> None:
    assert set(VARIABLES) == {field.name for field in fields(Settings)}
    text = REFERENCE.read_text("utf-8")
    for field in fields(Settings):
        variable, meaning = VARIABLES[field.name]
        default = field.default if field.name != "workspace" else "code-search-studio"
        assert f"| `{variable}` | `{default}`" in text and meaning in text


def test_a_switch_is_true_or_false_and_survives_another_process() -> None:
    on = Settings.from_environment({"CODESEARCH_PROSE": "true", "CODESEARCH_ALLOW_PRIVATE_HOSTS": "False"})
    assert (on.prose, on.allow_private_hosts) == (True, False)
    assert Settings.from_environment(on.as_environment()) == on
    with pytest.raises(StudioError, match=r"CODESEARCH_PROSE='yes' .choose from true, false"):
        Settings.from_environment({"CODESEARCH_PROSE": "yes"})


def test_the_admin_token_is_shown_nowhere_and_handed_to_no_other_process() -> None:
    variable = VARIABLES["admin_token"][0]
    settings = Settings.from_environment({variable: "correct-horse-battery"})
    assert settings.admin_token == "correct-horse-battery"  # noqa: S105
    assert "correct-horse" not in repr(settings)
    inherited = {variable: "correct-horse-battery"} | settings.as_environment()
    assert Settings.from_environment(inherited).admin_token is None


@pytest.mark.parametrize("token", ["too-short", "ünicode-does-not-fit-headers"])
def test_an_admin_token_that_is_easily_guessed_or_cannot_be_sent_is_refused(token: str) -> None:
    variable = VARIABLES["admin_token"][0]
    with pytest.raises(StudioError, match=f"{variable} .must have at least 16 characters") as caught:
        Settings.from_environment({variable: token})
    assert token not in str(caught.value)
