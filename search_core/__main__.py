"""The command line: index, search, evaluate, compare, prune.

Results go to standard output, progress to standard error; exit code 0, 2 for what the
user can mend (one line), 130 for an interruption.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_core.command_line import OneLineParser, progress_bar, run_command, workspace
from search_core.settings import Settings
from search_core.types import MODES, PROTOCOLS, Corpus, SearchFilter, SearchResult, StudioError

if TYPE_CHECKING:
    from search_core.engine import SearchEngine

BASELINE = "minilm"
MAX_LINE_DIGITS = 9


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m search_core", description="Search code by meaning, and measure it."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=OneLineParser)

    def command(name: str, run: Callable[..., None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument(
            "--workspace", type=workspace, metavar="DIR", help="where indexes and reports are kept"
        )
        return added

    index = command("index", run_index, "read a corpus, encode it and store its indexes")
    _corpus_option(index)
    _models_option(index)
    index.add_argument("--watch", action="store_true", help="follow edits of the corpus, a folder")
    index.add_argument("--json", action="store_true", help="print one JSON object (with --watch: one a line)")

    search = command("search", run_search, "search a corpus in plain language")
    search.add_argument("query", nargs="?", metavar="QUERY")
    search.add_argument("--queries", metavar="FILE", help="one query a line; - is standard input")
    search.add_argument("--similar-to", metavar="PATH:LINE", help="code like that at a line of the corpus")
    _corpus_option(search)
    _models_option(search)
    search.add_argument("--mode", choices=MODES, default="dense")
    search.add_argument("-k", type=int, default=10, metavar="K", help="results (default 10)")
    search.add_argument("--language", metavar="L", help="only documents in this language")
    search.add_argument("--path", metavar="GLOB", help="only paths that match this gitignore-style glob")
    search.add_argument(
        "--json", action="store_true", help="print one JSON object (with --queries: one a line)"
    )

    evaluate = command("evaluate", run_evaluate, "score a model over a corpus with judged queries")
    _corpus_option(evaluate)
    evaluate.add_argument("--split", default="valid", metavar="S")
    evaluate.add_argument("--model", default=BASELINE, metavar="SPEC")
    evaluate.add_argument("--mode", choices=MODES, default="dense")
    evaluate.add_argument("--protocol", choices=PROTOCOLS, default="content")
    evaluate.add_argument("--limit-queries", type=int, metavar="N", help="only the first N queries by id")
    evaluate.add_argument("--output", type=Path, required=True, metavar="report.json")

    compare = command("compare", run_compare, "compare two reports, with significance")
    compare.add_argument("a", type=Path, metavar="A.json")
    compare.add_argument("b", type=Path, metavar="B.json")
    compare.add_argument("--json", action="store_true", help="print one JSON object")

    command("prune", run_prune, "remove what no manifest in the workspace names any more")
    return parser


def _corpus_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus",
        required=True,
        metavar="SPEC",
        help="a folder, a .zip or .tar.gz file, https://HOST/OWNER/REPO[@REV], stdlib, package:NAME, "
        "dataset:ID_OR_PATH, or several joined by ' + '",
    )


def _models_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", action="append", metavar="SPEC", help=f"model, may be repeated (default {BASELINE})"
    )


def loaded_corpus(spec: str, settings: Settings) -> Corpus:
    from search_core.corpus import load_corpus

    with progress_bar(f"Reading {spec}", "files") as progress:
        return load_corpus(spec, settings, progress)


def run_index(args: argparse.Namespace, settings: Settings) -> None:
    if args.watch:
        _follow(args, settings)
    else:
        _print_index(_indexed(args, settings), args.json, settings)


def _indexed(args: argparse.Namespace, settings: Settings) -> SearchEngine:
    from search_core.engine import SearchEngine

    engine = SearchEngine(loaded_corpus(args.corpus, settings), settings)
    for spec in args.model or [BASELINE]:
        with progress_bar(f"Encoding with {spec}", "texts") as progress:
            engine.add_model(spec, progress)
    return engine


def _follow(args: argparse.Namespace, settings: Settings) -> None:
    """Index, and again after each edit, until interrupted. What is wrong with an edit is said once."""
    import threading

    from search_core.watch import looks, watched_folders

    watching = looks(watched_folders(args.corpus), threading.Event())
    next(watching)  # what is edited from now on, also while encoding, is read afterwards
    engine, problem = _indexed(args, settings), ""
    _print_index(engine, args.json, settings)
    for _ in watching:
        try:
            corpus = loaded_corpus(args.corpus, settings)
            if problem or corpus.documents != engine.corpus.documents:
                engine, problem = engine.over(corpus), ""
                _print_index(engine, args.json, settings)
        except StudioError as error:
            if problem != str(error):
                problem = str(error)
                print(f"error: {problem}", file=sys.stderr)


def _print_index(engine: SearchEngine, as_json: bool, settings: Settings) -> None:
    corpus = engine.corpus
    models = {spec: engine.model(spec) for spec in engine.models}
    summary: dict[str, Any] = {
        "corpus": {"spec": corpus.spec, "documents": len(corpus.documents), "files": corpus.files},
        "languages": dict(corpus.languages),
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in corpus.skipped],
        "models": [
            {
                "model": spec,
                "backend": ready.encoder.backend,
                "encoded": ready.encoded,
                "encode_s": round(ready.encode_s, 3),
                "vectors": len(ready.index),
                "index": ready.index.kind,
            }
            for spec, ready in models.items()
        ],
        "workspace": str(settings.workspace),
    }
    print(json.dumps(summary) if as_json else _index_text(summary), flush=True)


def _index_text(summary: dict[str, Any]) -> str:
    corpus, skipped = summary["corpus"], summary["skipped"]
    lines = [f"{corpus['spec']}: {corpus['documents']:,} documents from {corpus['files']:,} files"]
    lines += [f"  skipped {one['path']}: {one['reason']}" for one in skipped]
    for model in summary["models"]:
        made = (
            f"{model['encoded']:,} texts encoded in {model['encode_s']:.1f} s"
            if model["encoded"]
            else "from the cache"
        )
        kind, backend = model["index"], model["backend"]
        lines.append(f"{model['model']}: {model['vectors']:,} vectors ({made}), {kind} index, {backend}")
    return "\n".join(lines)


def run_search(args: argparse.Namespace, settings: Settings) -> None:
    from search_core.corpus.filter import admitted
    from search_core.engine import SearchEngine, check_request

    if [args.query, args.queries, args.similar_to].count(None) != 2:
        raise StudioError("Give one of QUERY, --queries FILE and --similar-to PATH:LINE.")
    queries = [args.query] if args.query is not None else read_queries(args.queries) if args.queries else []
    place = parse_place(args.similar_to) if args.similar_to is not None else None
    check_request(queries, args.k, args.mode)
    filter = SearchFilter(args.language and args.language.lower(), args.path)
    corpus = loaded_corpus(args.corpus, settings)
    admitted(filter, corpus)  # a filter that cannot be is told before anything is encoded
    engine = SearchEngine(corpus, settings)
    document = engine.document_at(*place) if place else None
    models: list[str | None] = (
        [None] if args.mode == "lexical" else list(dict.fromkeys(args.model or [BASELINE]))
    )
    for spec in models:
        if spec is not None:
            with progress_bar(f"Encoding with {spec}", "texts") as progress:
                engine.add_model(spec, progress)
    options = {"mode": args.mode, "filter": filter}
    if document:
        results = [engine.similar(document, args.k, model=model, **options) for model in models]
        _print_found(search_object(args.similar_to, corpus, results), args.json)
    for query in queries:
        results = [engine.search(query, args.k, model=model, **options) for model in models]
        _print_found(search_object(query, corpus, results), args.json)


def _print_found(found: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(found) if as_json else _search_text(found), flush=True)


def parse_place(text: str) -> tuple[str, int]:
    """Path and line of PATH:LINE. Raises StudioError.

    >>> parse_place("net/http.py:12")
    ('net/http.py', 12)
    """
    path, _, line = text.rpartition(":")
    if not path or not line.isdecimal() or len(line) > MAX_LINE_DIGITS:
        raise StudioError(f"A place is PATH:LINE, for example net/http.py:12; got {text[:80]!r}.")
    return path, int(line)


def search_object(query: str, corpus: Corpus, results: Sequence[SearchResult]) -> dict[str, Any]:
    """The search object of the contract, for the command line and the page's API."""
    return {
        "query": query,
        "corpus": {"spec": corpus.spec, "documents": len(corpus.documents)},
        "results": [result.as_dict() for result in results],
    }


def read_queries(file: str) -> list[str]:
    """One query a line. Raises StudioError naming the number of a blank line."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(f"Cannot read queries from {file}: {error}") from error
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise StudioError(f"Line {number} of {file} is blank; put one query on each line.")
    if not lines:
        where = "Standard input" if file == "-" else file
        raise StudioError(f"{where} holds no queries; put one on each line.")
    return lines


def _search_text(found: dict[str, Any]) -> str:
    lines = []
    for result in found["results"]:
        lines.append(f"{result['model'] or 'keywords'} ({result['mode']}, {result['latency_ms']:.1f} ms)")
        for hit in result["hits"]:
            place = f"{hit['path']}:{hit['start_line']}-{hit['end_line']}" if hit["path"] else hit["id"]
            name = hit["symbol"] or hit["text"].splitlines()[0]
            lines.append(f"{hit['rank']:>4}  {hit['score']:.4f}  {name}  {place}")
        if not result["hits"]:
            lines.append("      nothing matches")
    return "\n".join(lines)


def run_evaluate(args: argparse.Namespace, settings: Settings) -> None:
    from search_core.corpus import load_judged
    from search_core.evaluation import evaluate, report_table, write_report

    if args.limit_queries is not None and args.limit_queries < 1:
        raise StudioError(f"--limit-queries must be at least 1, got {args.limit_queries}.")
    if not args.output.name or args.output.is_dir():
        raise StudioError(
            f"--output names the report's file, for example report.json; got {str(args.output)!r}."
        )
    _check_writable(args.output)
    judged = load_judged(args.corpus, args.split, args.protocol, settings, args.limit_queries)
    with progress_bar(f"Encoding with {args.model}", "texts") as progress:
        report = evaluate(judged, args.model, args.mode, settings, progress)
    write_report(report, args.output)
    print(report_table(report))


def _check_writable(file: Path) -> None:
    """Before minutes of work. Raises StudioError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise StudioError(
            f"Cannot write {file}: {error.strerror or error}. Choose another --output."
        ) from error


def run_compare(args: argparse.Namespace, settings: Settings) -> None:
    from search_core.evaluation import compare, comparison_table, read_report

    comparison = compare(read_report(args.a), read_report(args.b), str(args.a), str(args.b))
    print(json.dumps(comparison.as_dict()) if args.json else comparison_table(comparison))


def run_prune(args: argparse.Namespace, settings: Settings) -> None:
    from search_core.store import Workspace

    removed = Workspace(settings.workspace).prune()
    print(f"Removed {removed.files:,} files, {removed.bytes / 1e6:,.1f} MB.")


if __name__ == "__main__":
    raise SystemExit(main())
