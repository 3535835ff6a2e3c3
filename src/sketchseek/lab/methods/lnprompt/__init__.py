"""A frozen network, CLIP's, SigLIP's or DINO's, adapted by learnt prompts and its norms alone."""
