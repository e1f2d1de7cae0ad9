"""The Metrics tab: evaluations, and the boards and reports made of them."""
