"""Sketches as strokes: file formats, rasterising, partial sketches, and recovering strokes from pixels."""

from sketchseek.strokes.augment import deform_strokes, disorder_strokes, remove_strokes
from sketchseek.strokes.disorder import MovedStrokes, disorder, disordered_ink, recovery_map
from sketchseek.strokes.edges import edge_sketch
from sketchseek.strokes.extraction import extract_strokes, recover_sketch
from sketchseek.strokes.ink import Ink, ink, read_ink
from sketchseek.strokes.labels import UNASSIGNED, LabelMap, drawn_labels, extracted_labels, grid_labels
from sketchseek.strokes.load import load_drawing
from sketchseek.strokes.ordering import silhouette_first
from sketchseek.strokes.placing import placed
from sketchseek.strokes.qmul import read_qmul
from sketchseek.strokes.quickdraw import read_quickdraw
from sketchseek.strokes.raster import NEVER, InkCanvas, episode, inked_at, last_points, rasterise
from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.sketch_json import read_json, write_json
from sketchseek.strokes.svg import read_svg, write_svg
from sketchseek.strokes.tracing import trace

__all__ = [
    "CANVAS",
    "NEVER",
    "UNASSIGNED",
    "Ink",
    "InkCanvas",
    "LabelMap",
    "MovedStrokes",
    "Sketch",
    "deform_strokes",
    "disorder",
    "disorder_strokes",
    "disordered_ink",
    "drawn_labels",
    "edge_sketch",
    "episode",
    "extract_strokes",
    "extracted_labels",
    "grid_labels",
    "ink",
    "inked_at",
    "last_points",
    "load_drawing",
    "placed",
    "rasterise",
    "read_ink",
    "read_json",
    "read_qmul",
    "read_quickdraw",
    "read_svg",
    "recover_sketch",
    "recovery_map",
    "remove_strokes",
    "silhouette_first",
    "trace",
    "write_json",
    "write_svg",
]
