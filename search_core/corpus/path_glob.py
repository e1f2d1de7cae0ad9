"""A gitignore-style glob over paths, matched in a time that no glob can stretch."""

from __future__ import annotations

import re

from search_core.types import StudioError

MAX_GLOB_CHARACTERS = 200

_ENDS = r"(?=/|\Z)"
_IN_SEGMENT = re.compile(
    r"(?P<star>\*+) | (?P<one>\?) | \\(?P<escaped>.) "
    r"| \[ (?P<negated>[!^]?) (?P<members>\]?[^]]*) \] | (?P<broken>[\\[]) | (?P<literal>.)",
    re.VERBOSE | re.DOTALL,
)
_MEMBERS = re.compile(r"(?P<one>.)(?:-(?P<last>.))?", re.DOTALL)


def path_pattern(glob: str) -> re.Pattern[str]:
    """Its `match` tells whether the glob holds for a path, or for a folder that the path lies in.

    Wildcards mean what they mean in .gitignore. What comes after a wildcard is taken where it is found first,
    once and for all (atomic groups): trying every place, as pathspec's expressions do, takes time
    exponential in the number of wildcards. Raises StudioError for what is not a glob.

    >>> [bool(path_pattern("src/**/*.py").match(path)) for path in ("src/a.py", "src/a/b.py", "lib/src/a.py")]
    [True, True, False]
    """
    if len(glob) > MAX_GLOB_CHARACTERS:
        raise StudioError(f"A path filter has at most {MAX_GLOB_CHARACTERS} characters, got {len(glob):,}.")
    try:
        return re.compile(_expression(glob if glob.endswith("\\ ") else glob.rstrip()))
    except (ValueError, re.error) as error:
        raise StudioError(
            f"Path filter {glob!r} is not a gitignore-style glob that picks files, like src/**/*.py."
        ) from error


def _expression(glob: str) -> str:
    """Raises ValueError for what picks nothing: comments, negations, unclosed brackets."""
    if glob in ("", "/") or glob.startswith(("#", "!")):
        raise ValueError("no pattern")
    folder = glob.endswith("/")
    if "/" not in glob[:-1]:  # a name alone holds at any depth
        glob = f"**/{glob}"
    runs: list[list[str]] = [[]]  # of segments, each after the first below any folders: **
    for segment in (glob.removeprefix("/") + "**" * folder).split("/"):
        if segment == "**":
            runs.append([])
        else:
            runs[-1].append(_segment(segment))
    if not any(runs):
        return ".*/" if folder else ""
    top, *below = ("/".join(run) for run in runs)
    pieces = [top, *(f"(?>(?:[^/]+/)*?{run})" for run in below if run)]
    return "/".join(piece for piece in pieces if piece) + ("" if runs[-1] else "/")


def _segment(glob: str) -> str:
    """Matches one name of a path as a whole."""
    fixed = [""]  # what stands between stars
    for token in _IN_SEGMENT.finditer(glob):
        if token["broken"]:
            raise ValueError("a bracket without its end, or an escape of nothing")
        if token["star"]:
            fixed.append("")
        elif token["one"]:
            fixed[-1] += "[^/]"
        elif token["members"]:
            members = "".join(
                "-".join(re.escape(end) for end in member.groups() if end)
                for member in _MEMBERS.finditer(token["members"])
            )
            fixed[-1] += f"(?!/)[{'^' if token['negated'] else ''}{members}]"
        else:
            fixed[-1] += re.escape(token["escaped"] or token["literal"])
    first, *inner = fixed
    if inner:
        *inner, last = inner
        first += "".join(f"(?>[^/]*?{piece})" for piece in inner) + f"[^/]*{last}"
    return f"(?>{first}{_ENDS})"
