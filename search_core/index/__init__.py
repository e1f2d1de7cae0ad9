"""Vectors → neighbours: FAISS on one machine; a distributed engine would stand behind the same protocol."""

from search_core.index.build import build_index, load_index
from search_core.index.protocol import Index, Neighbours

__all__ = ["Index", "Neighbours", "build_index", "load_index"]
