"""LA's objective: the triplet loss is on the distance of the network's own matcher."""

from sketchseek.lab.methods.la.objective import phases

__all__ = ["phases"]
