"""The two dialects: reading answers, server-sent events, errors and finish reasons."""
