"""What is measured in simulations with known outcomes: whether reports are right, and how well policies learn."""
