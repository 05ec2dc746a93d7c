"""A and b of the shadow policies that learn by a reward rule of their own."""
