"""The command ``pointsman demo``: real prompts through the real stack."""
