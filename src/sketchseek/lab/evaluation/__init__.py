"""Evaluation: encode a split, rank its photos for each partial sketch, and compute metrics from the ranks."""
