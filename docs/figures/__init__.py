"""The figures of the documentation, and what they are made from. They need the extra ``docs``."""
