"""Evaluation: perplexity, generation, memory, coherence. Functions on a model that know nothing of pruning."""
