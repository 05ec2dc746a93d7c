"""The four services, each its own process, and the command line that starts them."""
