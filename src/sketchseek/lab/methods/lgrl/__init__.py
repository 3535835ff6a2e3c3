"""LGRL: a sketch compared as a whole and region by region, from its first strokes on."""
