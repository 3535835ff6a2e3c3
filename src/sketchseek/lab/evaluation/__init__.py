"""Embed, then rank: every figure comes from one table of ranks over (sketch, step)."""
