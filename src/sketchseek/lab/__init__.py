"""Train and measure. Torch lives here and nowhere else; what needs none (configs, catalogue, metrics) imports
without it.
"""
