"""Retrieval quality on CoSQA's `valid` split, next to sentence-transformers' own evaluator.

    python -m benchmarks.quality

Dense nDCG@10 must equal what InformationRetrievalEvaluator computes on the same documents
within 0.003; hybrid must not be below dense. On the 779 train and valid queries together
hybrid is compared with dense by paired tests (benchmarks/fusion.py chose its weight there by
cross-validation, and prints the alternatives).
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.development_data import cosqa, new_workspace
from search_core.corpus import load_judged
from search_core.evaluation import compare, comparison_table, evaluate
from search_core.settings import Settings
from search_core.types import JudgedCorpus


def main() -> None:
    spec = cosqa()
    with new_workspace() as settings:
        train, valid = (load_judged(spec, split, "content", settings) for split in ("train", "valid"))
        reports = {mode: evaluate(valid, "minilm", mode, settings) for mode in ("lexical", "dense", "hybrid")}
        theirs = sentence_transformers_ndcg(valid)
        print("valid, 250 queries, nDCG@10")
        for mode, report in reports.items():
            print(f"  {mode:8} {report.metrics['ndcg@10']:.4f}")
        difference = reports["dense"].metrics["ndcg@10"] - theirs
        print(f"  sentence-transformers' evaluator, dense: {theirs:.4f} (ours {difference:+.4f})")
        both = replace(
            valid,
            split="train+valid",
            queries={**train.queries, **valid.queries},
            qrels={**train.qrels, **valid.qrels},
        )
        print(f"\ntrain and valid, {len(both.queries)} queries: dense (a) and hybrid (b)")
        dense, hybrid = (evaluate(both, "minilm", mode, settings) for mode in ("dense", "hybrid"))
        print(comparison_table(compare(dense, hybrid, "dense", "hybrid")))


def sentence_transformers_ndcg(judged: JudgedCorpus) -> float:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    from search_core.encoder import model_folder

    evaluator = InformationRetrievalEvaluator(
        dict(judged.queries),
        {document.id: document.encoded for document in judged.corpus.documents},
        {query: set(relevant) for query, relevant in judged.qrels.items()},
        ndcg_at_k=[10],
        name="valid",
    )
    scores = evaluator(SentenceTransformer(str(model_folder("minilm", Settings())), device="cpu"))
    return float(scores["valid_cosine_ndcg@10"])


if __name__ == "__main__":
    main()
