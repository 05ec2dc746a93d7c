"""Whether reports tell the truth: simulated worlds in which every outcome is known, and the code that reports use."""
