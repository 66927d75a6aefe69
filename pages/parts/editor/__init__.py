"""The editor of an experiment, a file a tab."""
