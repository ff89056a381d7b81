"""Tests of the model side share the machine's cores: threads that wait must not spin."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is first imported
