"""Text to vectors: one protocol, a fast processor runtime and torch behind it, and a cache of vectors."""

from search_core.encoder.file_vectors import read_file_vectors, vectors_of_files, write_file_vectors
from search_core.encoder.load import load_encoder
from search_core.encoder.models import checked_model, model_folder
from search_core.encoder.protocol import Encoder
from search_core.encoder.vectors import CorpusVectors, encode_corpus

__all__ = [
    "CorpusVectors",
    "Encoder",
    "checked_model",
    "encode_corpus",
    "load_encoder",
    "model_folder",
    "read_file_vectors",
    "vectors_of_files",
    "write_file_vectors",
]
