"""Running shadow policies on logged decisions. Pure: no I/O, the same result whenever and wherever it is done."""
