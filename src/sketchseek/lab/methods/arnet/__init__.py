"""ARNet: an encoder for sketches and one for photos, trained with four contrastive terms, and MSTR, which makes use of
the patch tokens that a transformer otherwise discards.
"""
