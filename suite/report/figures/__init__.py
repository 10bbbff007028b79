"""The figures: each a function of what it shows, the axes it is drawn on, and a style."""
