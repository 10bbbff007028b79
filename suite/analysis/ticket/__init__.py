"""The search for a winning ticket: its trainings to facts, each a module of its own; `facts` puts them together."""
