"""The documents: poster, paper, supplement and page. Each walks the same sections."""
