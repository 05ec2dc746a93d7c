"""Demo, mock provider, replay and init."""
