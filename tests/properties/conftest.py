"""How many examples the property tests try: a few; with `OOO_HYPOTHESIS_PROFILE=full` 10,000 and more."""

import os

from hypothesis import HealthCheck, settings

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

settings.register_profile(
    "fast", max_examples=60, deadline=None, database=None, suppress_health_check=_CHECKS
)
settings.register_profile(
    "full", max_examples=4_000, deadline=None, database=None, suppress_health_check=_CHECKS
)
settings.load_profile(os.environ.get("OOO_HYPOTHESIS_PROFILE", "fast"))
