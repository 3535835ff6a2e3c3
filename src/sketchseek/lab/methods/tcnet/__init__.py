"""TC-Net: one embedding, trained with a triplet loss and as a classifier of the training photos."""
