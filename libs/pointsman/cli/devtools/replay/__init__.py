"""The command ``pointsman replay``: send a recorded sequence of picks and updates over HTTP."""
