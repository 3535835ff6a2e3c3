"""Photos and their vectors in one directory."""

from sketchseek.gallery.gallery import Gallery, StoredPhoto, default_gallery_dir
from sketchseek.gallery.ingest import IngestReport, Skipped, ingest

__all__ = ["Gallery", "IngestReport", "Skipped", "StoredPhoto", "default_gallery_dir", "ingest"]
