"""MLRM, multi-level region matching: weighted distances between attended regions at several feature levels."""
