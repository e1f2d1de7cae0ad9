"""What the page offers: corpora and models, how they are prepared, and what is kept of them. No Gradio."""
