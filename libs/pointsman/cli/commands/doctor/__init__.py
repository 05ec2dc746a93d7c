"""``pointsman doctor``: checks of the machine, the services and the providers."""
