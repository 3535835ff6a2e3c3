"""FVLP: a sketch and words that describe the photo, joined into one query."""
