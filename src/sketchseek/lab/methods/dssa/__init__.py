"""DSSA (Triplet-Att-SN), and Triplet-SN: Sketch-a-Net with a triplet loss, with attention and with a learnt energy."""
