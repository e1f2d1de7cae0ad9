"""The Train tab: pairs, runs, and publishing what they made."""
