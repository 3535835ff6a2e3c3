"""DLA: local feature maps compared cell by cell, each cell of the sketch with the nearest one of the photo."""
