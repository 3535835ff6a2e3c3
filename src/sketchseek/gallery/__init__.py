"""Galleries: photos that were indexed, with the vectors they are found by."""

from sketchseek.gallery.gallery import Gallery, StoredPhoto, default_gallery_dir
from sketchseek.gallery.ingest import IngestReport, forget, ingest
from sketchseek.gallery.reading import Skipped
from sketchseek.gallery.reencode import reencode

__all__ = ["Gallery", "IngestReport", "Skipped", "StoredPhoto", "default_gallery_dir", "forget", "ingest", "reencode"]
