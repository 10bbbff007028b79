"""Training: the embedded models from their recipes, pruned models brought back, and the search for a ticket."""
