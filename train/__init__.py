"""Fine-tuning: pairs out of a corpus, a run in a process of its own, a model that is measured."""
