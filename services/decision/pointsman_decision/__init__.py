"""The decision service: scores the candidates of a tier and draws one. Any number of replicas in one queue group."""
