"""What the Corpora tab says: the corpora on offer, how far each is, what was left out of it. No Gradio."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from markupsafe import Markup

from search_core.types import Corpus, SkippedFile
from ui.markup import NOTHING, icon, join, visible
from ui.offering.details import CorpusDetails, ModelOver
from ui.states import time_left
from ui.words import model_name, percent

LANGUAGES_SHOWN = 4
PATHS_SHOWN = 50

_MANY = re.compile(r"([\d,]+) files: (.*)")
"""The reason of a row that stands for all the files in a folder that were left out for it."""
_PLURALS = {"class": "classes"}


@dataclass(frozen=True)
class View:
    """What one visitor has before them, corpora by their visible specs.

    opened: those whose left-out files are listed. asked: the one whose deletion is to be confirmed.
    """

    is_owner: bool = False
    opened: frozenset[str] = frozenset()
    asked: str = ""


def corpus_list(corpora: Sequence[CorpusDetails], view: View, now: datetime, now_s: float) -> Markup:
    """A card for each. now: in UTC; now_s: monotonic, the time of steps."""
    cards = (_card(details, view, now, now_s, only=len(corpora) == 1) for details in corpora)
    return Markup('<div class="cs-corpora">{}</div>').format(join(cards))


def _card(details: CorpusDetails, view: View, now: datetime, now_s: float, *, only: bool) -> Markup:
    id, corpus = visible(details.spec), details.corpus
    below = [
        _failure(details, view),
        _left_out(corpus.skipped) if corpus and id in view.opened else NOTHING,
        _confirmation(details) if id == view.asked else NOTHING,
    ]
    return Markup(
        '<article class="cs-corpus" data-id="{id}" aria-label="{name}">'
        '<div class="cs-what"><h2 title="{id}">{name}</h2><p>{state}{about}</p></div>'
        "{counts}{contents}<ul class=cs-over>{models}</ul><div class=cs-tools>{tools}</div>{below}</article>"
    ).format(
        id=id,
        name=visible(details.name),
        state=_state(details),
        about=_about(details, now),
        counts=_counts(details, opened=id in view.opened),
        contents=_contents(corpus),
        models=join(_chip(over, now_s) for over in details.models if corpus or not details.reading.error),
        tools=_tools(details, view, only=only),
        below=join(below),
    )


def _state(details: CorpusDetails) -> Markup:
    """The chip that sums up the corpus's steps."""
    steps = (details.reading, *(over.step for over in details.models))
    stages = {step.stage for step in steps}
    working = next((step for step in steps if step.stage == "working"), None)
    chip = Markup('<span class="cs-chip {}">{}</span>')
    if working:
        doing = "indexing" if working.model else "reading again" if working.again else "reading"
        return chip.format("warn live", f"{doing}{percent(working.done, working.total)}")
    if details.reading.stage == "failed":
        return chip.format("bad", "not read again" if details.corpus else "failed")
    if "waiting" in stages:
        return chip.format("", "waiting")
    return chip.format(*(("warn", "partly ready") if "failed" in stages else ("good", "ready")))


def _about(details: CorpusDetails, now: datetime) -> Markup:
    parts = [Markup("{}").format(details.source)] if details.source else []
    if details.corpus and details.corpus.commit:
        parts.append(Markup("commit <code>{}</code>").format(details.corpus.commit[:10]))
    if details.indexed_at:
        moment = details.indexed_at.isoformat(timespec="seconds")
        parts.append(
            Markup('read <time datetime="{0}" title="{0}">{1}</time>').format(
                moment, ago((now - details.indexed_at).total_seconds())
            )
        )
    return Markup("<span>{}</span>").format(join(parts, Markup(" · ")))


def ago(seconds: float) -> str:
    """
    >>> ago(20), ago(150), ago(8_000), ago(200_000)
    ('just now', '2 min ago', '2 h ago', '2 days ago')
    """
    if seconds < 60:
        return "just now"
    if seconds < 3_600:
        return f"{seconds // 60:.0f} min ago"
    return f"{seconds // 3_600:.0f} h ago" if seconds < 172_800 else f"{seconds // 86_400:.0f} days ago"


def _counts(details: CorpusDetails, *, opened: bool) -> Markup:
    names = ("Documents", "Files", "Lines", "Skipped", "On disk")
    values: tuple[str, ...] = ("–",) * len(names)
    if corpus := details.corpus:
        values = (
            f"{len(corpus.documents):,}",
            f"{corpus.files:,}" if corpus.files else "–",
            f"{corpus.lines:,}",
            _skipped_count(corpus.skipped, opened=opened),
            size(details.bytes),
        )
    return Markup("<dl>{}</dl>").format(
        join(
            Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*fact)
            for fact in zip(names, values, strict=True)
        )
    )


def size(bytes: int) -> str:
    """
    >>> size(800), size(84_000), size(2_345_678), size(1_200_000_000)
    ('1 kB', '84 kB', '2.3 MB', '1.2 GB')
    """
    if bytes < 1_000_000:
        return f"{max(1, round(bytes / 1e3))} kB"
    return f"{bytes / 1e6:.1f} MB" if bytes < 1_000_000_000 else f"{bytes / 1e9:.1f} GB"


def _skipped_count(skipped: Sequence[SkippedFile], *, opened: bool) -> Markup:
    if not skipped:
        return Markup("0")
    count = sum(count for count, _ in _reasons(skipped).values())
    return Markup(
        '<button type="button" class="cs-link" data-do="skipped" aria-expanded="{}">{:,}</button>'
    ).format("true" if opened else "false", count)


def _reasons(skipped: Sequence[SkippedFile]) -> Mapping[str, tuple[int, list[str]]]:
    """Reason → how many files were left out for it, and the paths that are known; most frequent first."""
    groups: dict[str, tuple[int, list[str]]] = {}
    for file in skipped:
        many = _MANY.fullmatch(file.reason)
        count = int(many[1].replace(",", "")) if many else 1
        reason = many[2] if many else file.reason.partition(":")[0]
        before, paths = groups.get(reason, (0, []))
        groups[reason] = before + count, [*paths, f"{file.path} ({count:,})" if many else file.path]
    return dict(sorted(groups.items(), key=lambda group: -group[1][0]))


def _left_out(skipped: Sequence[SkippedFile]) -> Markup:
    room, parts = PATHS_SHOWN, []
    for reason, (count, paths) in _reasons(skipped).items():
        shown, room = paths[:room], max(0, room - len(paths))
        listed = join(Markup("<li><code>{}</code></li>").format(visible(path)) for path in shown)
        more = len(paths) - len(shown)
        parts.append(
            Markup("<dt>{} <b>{:,}</b></dt><dd><ul>{}{}</ul></dd>").format(
                visible(reason),
                count,
                listed,
                Markup("<li>and {:,} more</li>").format(more) if more else NOTHING,
            )
        )
    return Markup('<div class="cs-leftout"><h3>Left out</h3><dl>{}</dl></div>').format(join(parts))


def _contents(corpus: Corpus | None) -> Markup:
    """Languages as a bar with its legend, and kinds, by share of the documents."""
    if corpus and not corpus.languages:  # a data set need not say
        return Markup('<div class="cs-contents"><p>No language is given.</p></div>')
    shares = _shares(corpus.languages) if corpus else []
    tones = [f"t{tone}" for tone in range(1, len(shares) + 1)]
    bar = join(
        Markup('<i class="{}" style="flex:{:.4f}"></i>').format(tone, share)
        for tone, (_, share) in zip(tones, shares, strict=True)
    )
    legend = join(
        Markup('<li><i class="{}"></i>{} {}</li>').format(tone, visible(name), _rounded(share))
        for tone, (name, share) in zip(tones, shares, strict=True)
    )
    kinds = corpus.kinds if corpus else {}
    return Markup(
        '<div class="cs-contents"><div class="cs-langbar" aria-hidden="true">{}</div>'
        "<ul>{}</ul><p>{}</p></div>"
    ).format(bar, legend, ", ".join(_counted(count, kind) for kind, count in kinds.items()))


def _shares(languages: Mapping[str, int]) -> list[tuple[str, float]]:
    """The most frequent languages, and all others as one, with their shares."""
    total = sum(languages.values())
    counts = list(languages.items())
    if len(counts) > LANGUAGES_SHOWN:
        first, others = counts[: LANGUAGES_SHOWN - 1], counts[LANGUAGES_SHOWN - 1 :]
        counts = [*first, (f"{len(others)} others", sum(count for _, count in others))]
    return [(name, count / total) for name, count in counts]


def _rounded(share: float) -> str:
    return "<1%" if share < 0.005 else f"{share:.0%}"


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind if count == 1 else _PLURALS.get(kind, f'{kind}s')}"


def _chip(over: ModelOver, now_s: float) -> Markup:
    step = over.step
    spec = step.model or ""
    match step.stage:
        case "ready":
            tone, words = "", ""
        case "working":
            far = percent(step.done, step.total) or " loading"
            tone, words = "warn", f"{far}{time_left(step.seconds_left(now_s))}"
        case _:
            tone, words = "bad" if step.stage == "failed" else "", f" {step.stage}"
    about = f"{spec}: {over.vectors:,} vectors, {over.index} index" if over.vectors else spec
    return Markup('<li class="cs-chip {}" title="{}"><code>{}</code>{}</li>').format(
        tone, visible(about), visible(model_name(spec)), words
    )


def _tools(details: CorpusDetails, view: View, *, only: bool) -> Markup:
    name = visible(details.name)
    tools = []
    if details.corpus:
        address = urlencode({"corpus": details.spec}, errors="replace")
        tools.append(
            Markup(
                '<a class="cs-link" data-open href="?{}" aria-label="Search in {}">Search in it</a>'
            ).format(address, name)
        )
    if view.is_owner:
        if details.reading.settled:
            tools.append(tool("again", "again", "Read again what changed", name))
        if not only:
            tools.append(tool("delete", "trash", "Delete", name))
    return join(tools)


def tool(do: str, drawn: str, what: str, name: str) -> Markup:
    """A button that shows an icon. what: its title."""
    return Markup(
        '<button type="button" class="cs-tool" data-do="{}" title="{}" aria-label="{}: {}">{}</button>'
    ).format(do, what, what, name, icon(drawn))


def _failure(details: CorpusDetails, view: View) -> Markup:
    """Why it could not be read. What a model failed of stands with the model."""
    if details.reading.stage != "failed":
        return NOTHING
    searched = " Meanwhile it is searched as it was read before." if details.corpus else ""
    return failure([details.reading.error + searched], "again" if view.is_owner else "")


def failure(reasons: Iterable[str], retry: str) -> Markup:
    """retry: what the button to try again does; without it there is none."""
    button = Markup('<button type="button" class="cs-link" data-do="{}">Try again</button>')
    return Markup('<div class="cs-failure">{}<div>{}{}</div></div>').format(
        icon("alert"),
        join(Markup("<p>{}</p>").format(visible(reason)) for reason in reasons),
        button.format(retry) if retry else NOTHING,
    )


def _confirmation(details: CorpusDetails) -> Markup:
    held = f" ({size(details.bytes)})" if details.bytes else ""
    upload = ", and the uploaded file" if details.source == "uploaded archive" else ""
    kept = "The folder itself, reports" if details.source == "folder" else "Reports"
    button = Markup('<button type="button" class="cs-button {}" data-do="{}">{}</button>')
    return Markup(
        '<div class="cs-confirm" role="alertdialog" aria-label="Delete this corpus"><p><b>Delete {}?</b> '
        "Nobody can search it any more, and what the workspace holds of it goes: documents and indexes{}{}. "
        "{}, right and wrong marks and the vectors of its texts stay.</p>"
        '<div class="cs-actions">{}{}</div></div>'
    ).format(
        visible(details.name),
        held,
        upload,
        kept,
        button.format("danger", "confirm", "Delete it"),
        button.format("", "keep", "Keep it"),
    )
