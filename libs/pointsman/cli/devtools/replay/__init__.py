"""``pointsman replay``: a recorded sequence of picks and updates, over HTTP."""
