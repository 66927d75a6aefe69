"""One run: features at the frontier, the compiled tail, the loop, and what is measured on the way."""
