"""Programs that behave to order, for tests of what supervises them."""
