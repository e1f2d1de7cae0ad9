"""What the page's tests search in."""

from __future__ import annotations

from tests.conftest import DATA

HOSTILE_PATH = '<img src=x onerror="window.__x=1">.py'
HOSTILE_CODE = '''def hostile(value):
    r"""<img src=x onerror="window.__x=1"> </script><script>window.__x=2</script>
    ${window.__x=3} {{value}} {{#each value}} \\u12 ` \u202e\x07"""
    return value & 1 < 2
'''
CODE = "package:pathspec"
"""Real code of a pinned version."""
JUDGED = f"dataset:{DATA / 'small_dataset'}"
