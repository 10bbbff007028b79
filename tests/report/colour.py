"""Colours as a reader sees them: simulated colour blindness, and how far two colours are apart.

Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB; distances are CIEDE2000, for which a difference of
about 2 can just be seen side by side.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEEN = {
    "full colour": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)  # D65


def lab(colour: str, sight: str = "full colour") -> Array:
    """CIELAB of `#RRGGBB` as seen with this kind of sight, a key of `SEEN`."""
    share = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SEEN[sight] @ linear, 0, 1) / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a: Array, b: Array) -> float:
    """CIEDE2000 (Sharma, Wu and Dalal 2005) between two colours in CIELAB."""
    mean_chroma = (math.hypot(*a[1:]) + math.hypot(*b[1:])) / 2
    stretch = 1.5 - 0.5 * math.sqrt(mean_chroma**7 / (mean_chroma**7 + 25**7))
    (l1, c1, h1), (l2, c2, h2) = (_polar(x, stretch) for x in (a, b))
    turn = h2 - h1
    if c1 * c2 and abs(turn) > 180:
        turn -= math.copysign(360, turn)
    chroma, light = (c1 + c2) / 2, (l1 + l2) / 2
    hue = h1 + h2 if not c1 * c2 else h1 + turn / 2
    t = 1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.20 * _cos(4 * hue - 63)
    sl = 1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    spread = 30 * math.exp(-((((hue % 360) - 275) / 25) ** 2))
    rotation = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * math.sin(math.radians(2 * spread))
    dl, dc = (l2 - l1) / sl, (c2 - c1) / sc
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / sh
    return math.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh)


def _polar(colour: Array, stretch: float) -> tuple[float, float, float]:
    a = colour[1] * stretch
    return float(colour[0]), math.hypot(a, colour[2]), math.degrees(math.atan2(colour[2], a)) % 360


def _cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))
