"""Search a gallery by a sketch, words or a photo; the live drawing session."""
