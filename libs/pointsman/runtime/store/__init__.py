"""The store (Redis or Valkey): client, scripts, keys, leases. The only package that imports the Redis client."""
