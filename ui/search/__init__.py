"""The Search tab: one query, two columns."""
