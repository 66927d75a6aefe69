"""Many runs that answer one question: sweeps, trials of remedies, repairs, demonstrations."""
