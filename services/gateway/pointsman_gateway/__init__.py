"""The HTTP edge: validates, forwards, answers from what is known when the rest is gone."""
