"""Records -> facts: numbers and verdicts derived from records, the only thing a figure or a template may read."""
