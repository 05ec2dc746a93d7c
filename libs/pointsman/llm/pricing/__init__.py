"""Cost of an answer: its tokens times the provider's rates."""
