"""The HTTP client of the product: `client` for asyncio, `blocking` for short commands that must start fast.

Only `client` imports aiohttp. Both raise the errors of `errors` and neither follows redirects, uses the proxies of the
environment or keeps cookies: a request and its credentials go to the given address and nowhere else.
"""
