"""How each kind of provider expresses the effort of an arm."""
