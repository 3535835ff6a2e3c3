"""Sketch-a-Net's convolutional layers, which no library has (Yu et al., Sketch-a-Net that Beats Humans, BMVC 2015)."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def sketch_a_net() -> nn.Module:
    """The layers up to the third pooling, tap ``pool5``: images ``[B, 3, 225, 225]`` to 256 x 7 x 7.

    The first filters are large, 15 x 15, because a drawing has no texture. The fully connected layers are those of the
    method (``dssa``). The paper's input is one channel, here it is three, as for all backbones.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 64, 15, stride=3),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, stride=2),
            conv2=nn.Conv2d(64, 128, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(3, stride=2),
            conv3=nn.Conv2d(128, 256, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(256, 256, 3, padding=1),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(256, 256, 3, padding=1),
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(3, stride=2),
        )
    )
