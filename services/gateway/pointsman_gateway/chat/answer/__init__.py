"""Sending an answer to the client: headers, streams, and clients that disconnect."""
