"""How many examples the property tests try: a few; with `OOO_HYPOTHESIS_PROFILE=full` 10,000 and more.

Every run draws the same ones, so that a failure is everyone's; `OOO_HYPOTHESIS_RANDOM=1` draws others.
"""

import os

from hypothesis import HealthCheck, settings

_IS_FIXED = os.environ.get("OOO_HYPOTHESIS_RANDOM") != "1"
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

settings.register_profile(
    "fast",
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=_IS_FIXED,
    suppress_health_check=_CHECKS,
)
settings.register_profile(
    "full",
    max_examples=4_000,
    deadline=None,
    database=None,
    derandomize=_IS_FIXED,
    suppress_health_check=_CHECKS,
)
settings.load_profile(os.environ.get("OOO_HYPOTHESIS_PROFILE", "fast"))
