"""Multi-level region matching: a few attended regions an image, at several levels, each with a weight of its own."""
