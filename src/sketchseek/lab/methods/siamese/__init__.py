"""The Siamese baseline: one shared encoder for sketch and photo."""
