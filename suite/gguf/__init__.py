"""GGUF files: read strictly, and turned once into an ordinary model directory, from which everything else works.

The package `gguf` dequantises and names tensors, transformers rearranges them and builds the tokenizer.
"""
