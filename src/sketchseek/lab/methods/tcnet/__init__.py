"""TC-Net: one embedding, trained by triplets and by telling the training photos apart."""
