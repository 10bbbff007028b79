"""Training: the embedded models, made from their recipes."""
