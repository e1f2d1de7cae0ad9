"""What stands above a document's code where it is encoded."""

from __future__ import annotations


def heading(path: str | None, symbol: str | None, docstring: str | None) -> str:
    r"""Where it is, what it is called and what is said of it, a line each; nothing for a data set's text.

    docs/decisions/repositories.md says what that is worth. Not stored, since it follows from the rest.

    >>> heading("pkg/stack.py", "Stack.push", "Put a value on top.\n\nOf the stack.")
    'pkg/stack.py Stack.push\nPut a value on top.\n'
    """
    place = f"{path} {symbol or ''}".rstrip() if path else ""
    said = (docstring or "").partition("\n\n")[0]
    return "".join(f"{line}\n" for line in (place, said) if line)
