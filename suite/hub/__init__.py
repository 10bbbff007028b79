"""The Hugging Face hub: files at pinned commits, every one held against the hub's own checksum before it is used.

No code of the hub is ever run. What a token opens is sent by huggingface_hub; the suite never reads the token itself.
"""

from suite.hub.obtain import fetch_file, fetch_model, obtain
from suite.hub.repository import HubFile, Repository, model_repository

__all__ = ["HubFile", "Repository", "fetch_file", "fetch_model", "model_repository", "obtain"]
