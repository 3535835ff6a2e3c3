"""Conditional stroke recovery: a network that also learns to put displaced strokes back in place, given the photo."""
