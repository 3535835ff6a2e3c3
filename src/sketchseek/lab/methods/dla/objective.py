"""LA's triplet loss, which uses the distance of the network's own matcher, here the dynamic alignment."""

from sketchseek.lab.methods.la.objective import phases

__all__ = ["phases"]
