"""ARNet: an encoder for sketches and one for photos, four contrastive terms, and MSTR, which recycles the tokens that a
transformer discards.
"""
