"""Set the number of examples of the property tests: a few, or more than 10,000 with `OOO_HYPOTHESIS_PROFILE=full`.

The profile `mutants` is for tests/mutation.

Every run draws the same examples, so that a failure can be repeated. `OOO_HYPOTHESIS_RANDOM=1` draws others.
"""

import os

from hypothesis import HealthCheck, Phase, settings

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
settings.register_profile(
    "mutants",
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a failure of a mutant needs no small example
    suppress_health_check=_CHECKS,
)
settings.load_profile(os.environ.get("OOO_HYPOTHESIS_PROFILE", "fast"))
