"""The lottery suite: how much of a language model can you delete before it breaks?"""

import logging

__version__ = "0.1.0"

# Where torchao is installed, transformers imports it, and it and PyTorch warn of what concerns nobody here: kernels of
# torchao's own that do not fit this machine. The terminal is the command line's.
for chatty in ("torchao", "torch.utils._pytree"):
    logging.getLogger(chatty).setLevel(logging.ERROR)
