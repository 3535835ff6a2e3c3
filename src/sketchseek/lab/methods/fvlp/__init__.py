"""FVLP: a sketch and a text that describes the photo, fused into one query."""
