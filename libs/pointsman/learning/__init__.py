"""Learning from the outcome log: one deterministic step per message, the stored state, its audit."""
