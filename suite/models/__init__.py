"""Models: the catalogue, their anatomy, and loading."""

import logging

# Where torchao is installed, transformers imports it, and it and PyTorch warn of what concerns nobody here: kernels of
# torchao's own that do not fit this machine. The terminal is the command line's.
for chatty in ("torchao", "torch.utils._pytree"):
    logging.getLogger(chatty).setLevel(logging.ERROR)
