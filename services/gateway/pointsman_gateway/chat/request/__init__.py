"""The first steps of a chat request: reading, features, routing, conversations."""
