"""Texts: the embedded corpus, WikiText-2, a local file."""
