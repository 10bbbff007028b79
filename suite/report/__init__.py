"""Facts -> figures, RML and PDF: the poster and the paper. Nothing here imports torch or knows a result."""
