"""LA: local feature maps compared cell by cell, each cell with the one at the same position."""
