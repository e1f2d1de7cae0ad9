"""The command line of training: run, list, show, cancel, publish.

Results go to standard output, progress to standard error; exit code 0, 2 for what the user
can mend (one line), 1 for a bug, 130 for a run that was interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from search_core.command_line import OneLineParser, progress_bar, run_command, workspace
from search_core.corpus import check_installed
from search_core.corpus.spec import existing_path, lasting_spec, parse_spec
from search_core.encoder import checked_model, model_folder
from search_core.encoder.load import choose_backend
from search_core.settings import Settings
from search_core.types import StudioError
from train.config import METHODS, OFFLINE_MODEL, REFERENCE_MODEL, defaults
from train.options import FIELDS, KNOBS, SWITCHES
from train.progress import follow
from train.run import Run, RunState, cancel, find_run, list_runs, resume, start
from train.summary import list_text, run_object, show_text


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m train", description="Fine-tune a model on a corpus.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=OneLineParser)

    def command(name: str, run: Callable[..., int | None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("--workspace", type=workspace, metavar="DIR", help="where runs are kept")
        return added

    _run_options(command("run", run_run, "train on a corpus, and measure before and after"))
    listing = command("list", run_list, "the runs of this workspace, the newest first")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    show = command("show", run_show, "how a run stands, and what it reached")
    show.add_argument("name", metavar="RUN", help="its id or folder")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    stop = command("cancel", run_cancel, "let a run write a checkpoint and end")
    stop.add_argument("name", metavar="RUN", help="its id or folder")
    _publish_options(command("publish", run_publish, "create or update a model repository on the Hub"))
    return parser


def _run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--corpus", metavar="SPEC", help="what to train on: dataset:ID_OR_PATH, stdlib, a folder, ..."
    )
    run.add_argument(
        "--base-model",
        metavar="SPEC",
        help=f"what to start from (default {OFFLINE_MODEL}; with a GPU and the Hub {REFERENCE_MODEL})",
    )
    run.add_argument("--method", choices=METHODS)
    for name, (kind, text) in KNOBS.items():
        run.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=text)
    for option, (name, value, text) in SWITCHES.items():
        run.add_argument(f"--{option}", dest=name, action="store_const", const=value, help=text)
    run.add_argument("--output", type=Path, metavar="DIR", help="the run's folder, later the model's")
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --output, or with the latest one of the workspace that has not finished",
    )
    run.add_argument("--json", action="store_true", help="print the finished run as one JSON object")


def _publish_options(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("name", metavar="DIR", help="a finished run's folder or id")
    publish.add_argument("--repo-id", required=True, metavar="OWNER/NAME")
    publish.add_argument("--adapter", action="store_true", help="the LoRA adapter, not the merged model")
    publish.add_argument("--private", action="store_true", help="only you can see it")
    publish.add_argument("--create-pr", action="store_true", help="open a pull request instead of a commit")
    publish.add_argument("--revision", metavar="REV", help="the branch to commit to")


def run_run(args: argparse.Namespace, settings: Settings) -> int:
    given = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    run = _resumed(args.output, given, settings) if args.resume else _started(args.output, given, settings)
    try:
        print(f"run {run.id} in {run.folder}", file=sys.stderr)
        state = follow(run, sys.stderr)
    except KeyboardInterrupt:
        print("\ncancelling: it finishes its step and writes a checkpoint", file=sys.stderr)
        with suppress(StudioError):  # it ended by itself in the meantime
            cancel(run)
        raise
    return _outcome(run, state, args.json)


def _started(output: Path | None, given: dict[str, Any], settings: Settings) -> Run:
    if "corpus" not in given:
        raise StudioError("Say what to train on: --corpus SPEC.")
    on_gpu = choose_backend(settings).device != "cpu"
    base_model = given.pop("base_model", None) or _default_base_model(on_gpu, settings)
    corpus, base_model = _lasting("corpus", given.pop("corpus")), _lasting("base_model", base_model)
    config = defaults(corpus, base_model, on_gpu=on_gpu, **given)
    return start(config, settings, output=output)


def _lasting(name: str, value: Any) -> Any:
    """An option as it is kept: a spec without relative paths, for a run may be resumed from anywhere."""
    match name:
        case "corpus":
            source = parse_spec(value)
            check_installed(source)
            return lasting_spec(source)
        case "base_model":
            return checked_model(value)
    return value


def _default_base_model(on_gpu: bool, settings: Settings) -> str:
    if on_gpu:
        with suppress(StudioError):  # the Hub is not there
            model_folder(REFERENCE_MODEL, settings)
            return REFERENCE_MODEL
    return OFFLINE_MODEL


def _resumed(output: Path | None, given: Mapping[str, Any], settings: Settings) -> Run:
    """A run goes on as it was begun: options may be repeated, not changed."""
    run = find_run(str(output), settings) if output else _latest_unfinished(settings)
    config = run.config
    changed = [
        name for name, value in given.items() if getattr(config, name) not in (value, _lasting(name, value))
    ]
    if changed:
        was = ", ".join(f"--{name.replace('_', '-')} {getattr(config, name)}" for name in changed)
        raise StudioError(f"Run {run.id} was begun with {was}: resume it so, or start a new run.")
    return resume(run, settings)


def _latest_unfinished(settings: Settings) -> Run:
    for run in list_runs(settings):
        if run.state().status in ("cancelled", "failed"):
            return run
    raise StudioError("No run of this workspace was cancelled or has failed: there is nothing to resume.")


def _outcome(run: Run, state: RunState, as_json: bool) -> int:
    if state.status == "finished":
        print(json.dumps(run_object(run)) if as_json else show_text(run))
        return 0
    if state.status == "cancelled":
        print(f"cancelled; go on with --resume --output {run.folder}", file=sys.stderr)
        return 130
    if not state.is_bug:
        raise StudioError(state.message)
    print(f"error: {state.message}", file=sys.stderr)
    return 1


def run_list(args: argparse.Namespace, settings: Settings) -> None:
    runs = list_runs(settings)
    print(json.dumps({"runs": [run_object(run) for run in runs]}) if args.json else list_text(runs))


def run_show(args: argparse.Namespace, settings: Settings) -> None:
    run = find_run(args.name, settings)
    print(json.dumps(run_object(run)) if args.json else show_text(run))


def run_cancel(args: argparse.Namespace, settings: Settings) -> None:
    run = find_run(args.name, settings)
    cancel(run)
    print(f"Run {run.id}: {run.state().status}.")


def run_publish(args: argparse.Namespace, settings: Settings) -> None:
    from train.publish import publish

    folder = existing_path(args.name) or find_run(args.name, settings).folder
    with progress_bar(f"Publishing {args.repo_id}", "files") as progress:
        published = publish(
            folder,
            args.repo_id,
            private=args.private,
            create_pr=args.create_pr,
            revision=args.revision,
            what="adapter" if args.adapter else "merged",
            progress=progress,
        )
    print(published.url)


if __name__ == "__main__":
    raise SystemExit(main())
