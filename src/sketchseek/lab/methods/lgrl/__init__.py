"""LGRL: partial sketches compared with photos as a whole and region by region."""
