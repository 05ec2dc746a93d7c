"""The reward-updater: reads the outcome log in order, and commits what is learned, exactly once."""
