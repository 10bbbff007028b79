"""Speed: what this machine can do at most, and what of it each stage of the suite reaches."""
