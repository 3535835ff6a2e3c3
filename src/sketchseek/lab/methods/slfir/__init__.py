"""SLFIR: faces from unfinished sketches, each frame encoded in the light of the frames before it."""
