"""One runnable module a claim in the README; each prints ``name value unit`` lines."""
