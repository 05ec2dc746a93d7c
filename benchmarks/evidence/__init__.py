"""Coverage of the report's intervals and correctness of automatic promotion, in simulations with known outcomes."""
