"""CSR, conditional stroke recovery: the network also learns to recover displaced strokes, given the photo."""
