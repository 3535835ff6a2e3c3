"""Draw what you remember, find the photo: fine-grained sketch-based image retrieval."""
