"""A sketch in, ranked photos out."""
