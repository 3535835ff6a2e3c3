"""Image-text pairs from elsewhere made into photos of faces with captions, for pre-training (FVLP). No torch."""
