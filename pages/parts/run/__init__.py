"""What is shown of a run: curves, verdict, details, trials, exports."""
