"""DLA: local feature maps compared cell by cell, each sketch cell with the nearest photo cell."""
