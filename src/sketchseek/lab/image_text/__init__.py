"""Turn collections of image-text pairs into photos of faces with captions, to pre-train FVLP. No torch."""
