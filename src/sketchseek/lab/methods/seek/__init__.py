"""Seek: one encoder that gives a global vector and a small map of cells, of which those under ink are compared."""
