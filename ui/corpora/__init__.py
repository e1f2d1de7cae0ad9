"""The Corpora tab: what is offered, added, read again and deleted."""
