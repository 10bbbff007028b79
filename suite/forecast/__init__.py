"""What a study will take on a machine, reckoned without torch; and, of what is done, how well that was foreseen."""
