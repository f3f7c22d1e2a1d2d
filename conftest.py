"""Test profiles only: HYPOTHESIS_PROFILE=ci for .ci/run, else dev.

No deadlines: other processes share the machine.
"""

import os

from hypothesis import settings

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
