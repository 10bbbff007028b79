"""The lottery suite: how much of a language model can you delete before it breaks?"""

__version__ = "0.1.0"
