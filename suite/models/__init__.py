"""Models: the catalogue, their anatomy, and loading."""
