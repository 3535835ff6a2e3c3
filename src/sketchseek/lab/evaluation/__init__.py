"""Encode a split, rank its photos for each partial sketch, and compute all figures from these ranks."""
