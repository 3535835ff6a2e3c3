"""The Siamese baseline: one encoder shared by sketches and photos."""
