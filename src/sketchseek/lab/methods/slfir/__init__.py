"""SLFIR: faces from partial sketches, each encoded together with the frames before it."""
