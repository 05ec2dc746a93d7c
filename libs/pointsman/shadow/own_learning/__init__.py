"""Shadow policies that learn by a reward rule of their own."""
