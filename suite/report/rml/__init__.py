"""RML with an own vocabulary (`column`, `figure`, `glue`, `pages`) and without z3c.rml's silent ways to go wrong."""
