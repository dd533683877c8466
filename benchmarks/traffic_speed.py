"""How fast people walk in vtest.avi, by the traffic app, with the camera's published calibration.

    python benchmarks/traffic_speed.py [--detector yolox-tiny-humanart] [--json]

The clip is PETS 2009, S2 L1, view 1, at its real rate of 7 frames a second. Its calibration (Tsai's model with lens
distortion; J. Ferryman and A. Shahrokni, PETS2009: Dataset and Challenge, 2009; View_001.xml as OpenTraj keeps it)
gives the ground at a dozen pixels. The app is then told these points, four of them, or lengths between them, and held
against other lengths that it was not told, and against the speed at which people walk (1.34 m/s with a standard
deviation of 0.26 when free: U. Weidmann, Transporttechnik der Fussgaenger, 1993). People here stroll, wait and turn.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Any

import numpy as np

from compoundeye.apps.traffic import APPLICATION, TrafficSettings
from compoundeye.records import Frame
from traffic_counting import Seen, clip, look

RATE = 7.0
FOCAL, KAPPA, CENTRE, STRETCH = 5.5549183034, 5.1113043639e-3, np.array([324.22149053, 282.56650051]), 1.0937855397
PIXEL_MM = np.array([5.1273271277e-3, 4.65e-3])
SHIFT_MM = np.array([828.73214225, -3175.4796051, 35469.298547])
TURN = 2.0405458695, -0.89337703748, -0.43056124791
PIXELS = np.array([[300, 250], [560, 150], [700, 300], [450, 420], [120, 330], [380, 330], [520, 240], [600, 400],
                   [250, 500], [60, 240], [340, 150], [700, 180]], np.float64)  # fmt: skip
TOLD = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3), (4, 5), (9, 10))
"""Pairs of the points whose lengths the app is told."""
HELD_OUT = ((5, 6), (6, 7), (7, 8), (10, 11), (4, 8), (6, 11))
WALK = [[300, 170], [560, 130], [740, 300], [420, 420]]
"""Where speeds are taken: the crossing of the paths."""
LEAST_SAMPLES = 10
"""Frames with a known speed of whoever counts."""


def ground_m(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[N, 2] places on the ground in m of pixels [N, 2]: R. Y. Tsai, IEEE J. Robotics and Automation 3, 1987."""
    bent = (pixels - CENTRE) * PIXEL_MM / [STRETCH, 1.0]
    straight = bent * (1 + KAPPA * (bent**2).sum(axis=1, keepdims=True))
    rays = np.concatenate([straight / FOCAL, np.ones((len(pixels), 1))], axis=1)
    (sx, sy, sz), (cx, cy, cz) = np.sin(TURN), np.cos(TURN)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    camera, ways = -turn.T @ SHIFT_MM, rays @ turn
    return np.asarray((camera - ways * (camera[2] / ways[:, 2:]))[:, :2] / 1000)


def grounds(places: np.ndarray[Any, Any]) -> dict[str, dict[str, Any]]:
    """What the app is told, by name."""
    lengths = [
        {"points": PIXELS[[one, other]].tolist(), "metres": float(np.hypot(*(places[one] - places[other])))}
        for one, other in TOLD
    ]
    return {
        "12 points": {"pixels": PIXELS.tolist(), "metres": places.tolist()},
        "4 points": {"pixels": PIXELS[:4].tolist(), "metres": places[:4].tolist()},
        f"{len(TOLD)} lengths": {"lengths": lengths},
    }


def measured(seen: Seen, told: dict[str, Any], places: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Speeds of people, and errors of lengths that were not told."""
    settings = TrafficSettings.model_validate({"ground": told, "zones": {"walk": {"points": WALK}}})
    app = APPLICATION.open(seen.stream, settings)
    speeds = defaultdict[int, list[float]](list)
    for frame, found in zip(seen.frames, seen.found, strict=True):
        at_rate = Frame(frame.stream, frame.index, frame.index / RATE, frame.captured, frame.image)
        for record in app.step(at_rate, found).records:
            if "speed_kmh" in record and record["zones"]:
                speeds[record["track"]].append(record["speed_kmh"] / 3.6)
    typical = np.array([np.median(track) for track in speeds.values() if len(track) >= LEAST_SAMPLES])
    plane = app.ground
    assert plane is not None
    errors = []
    for one, other in HELD_OUT:
        found_m = np.hypot(*np.diff(plane.metres(PIXELS[[one, other]]), axis=0)[0])
        errors.append(float(found_m / np.hypot(*(places[one] - places[other])) - 1))
    low, middle, high = np.quantile(typical, [0.25, 0.5, 0.75])
    return {
        "people": len(typical), "m_per_s": round(float(middle), 2),
        "quartiles": [round(float(low), 2), round(float(high), 2)],
        "worst_length_error": round(max(map(abs, errors)), 3),
    }  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="yolox-tiny-humanart")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seen = look(clip("vtest.avi"), TrafficSettings.model_validate({"detector": {"name": given.detector}}))
    places = ground_m(PIXELS)
    rows = {name: measured(seen, told, places) for name, told in grounds(places).items()}
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        print(
            f"{name:10} {row['people']:3} people, median {row['m_per_s']} m/s (quartiles {row['quartiles'][0]} to "
            f"{row['quartiles'][1]}); lengths that were not told: worst error {row['worst_length_error']:.1%}"
        )


if __name__ == "__main__":
    main()
