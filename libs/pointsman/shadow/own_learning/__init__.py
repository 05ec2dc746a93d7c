"""Shadow policies that learn by a reward rule of their own: which ones, and what they have learned in the store."""
